package discovery

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

const method = "/test.Books/Get"

// reports reports n calls to ip with this result.
func reports(w *world, ip string, n int, result Result, took time.Duration) {
	for range n {
		w.ejector.Report(ip+":50051", Outcome{Method: method, Result: result, Began: time.Now().Add(-took), Took: took})
	}
	synctest.Wait()
}

// ips returns n addresses.
func ips(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("10.0.0.%d", i+1))
	}
	return list
}

// healthy returns a world with n replicas that have answered in a millisecond each.
func healthy(t *testing.T, n int) *world {
	t.Helper()
	w := start(t, &fakeDNS{ips: ips(n)})
	for _, ip := range ips(n) {
		reports(w, ip, minTimes, Good, time.Millisecond)
	}
	return w
}

func TestBadCallsInARowEject(t *testing.T) {
	for result, reason := range map[Result]string{Failed: ReasonErrors, TimedOut: ReasonTimeouts} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := healthy(t, 3)
				reports(w, "10.0.0.2", 2, result, 0)
				reports(w, "10.0.0.2", 1, Good, 0) // a good answer resets the count
				reports(w, "10.0.0.2", 2, result, 0)
				wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
				reports(w, "10.0.0.2", 1, result, 0)
				wantList(t, w, "10.0.0.1", "10.0.0.3")
				if got := testutil.ToFloat64(w.metrics.ejected); got != 1 {
					t.Errorf("ejected gauge %v, want 1", got)
				}
				if got := testutil.ToFloat64(w.metrics.ejections.WithLabelValues(reason)); got != 1 {
					t.Errorf("%v ejections for %s, want 1", got, reason)
				}
				for _, l := range w.ejector.Listed() {
					if want := map[bool]string{true: reason}[l.Address == "10.0.0.2:50051"]; l.Ejected != want {
						t.Errorf("%s is ejected, reason %q, want %q", l.Address, l.Ejected, want)
					}
				}
			})
		})
	}
}

func TestMethodsAreCountedSeparately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		for range 3 { // another method succeeds meanwhile
			w.ejector.Report("10.0.0.1:50051", Outcome{Method: "/test.Books/Put", Began: time.Now()})
			reports(w, "10.0.0.1", 1, TimedOut, 0)
		}
		wantList(t, w, "10.0.0.2", "10.0.0.3")
	})
}

func TestNoneIsEjectedUnlessOthersAreHealthy(t *testing.T) {
	t.Run("all fail", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			for range 10 {
				for _, ip := range ips(3) {
					reports(w, ip, 1, Failed, 0)
				}
			}
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("all are slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			for range 50 {
				for _, ip := range ips(3) {
					pass(10 * time.Millisecond)
					reports(w, ip, 1, Good, 100*time.Millisecond)
				}
			}
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("the others have had no calls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := start(t, &fakeDNS{ips: ips(2)})
			reports(w, "10.0.0.1", 10, TimedOut, 0)
			wantList(t, w, "10.0.0.1", "10.0.0.2")
		})
	})
	t.Run("the others were healthy and do not answer now", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			pass(time.Second)
			reports(w, "10.0.0.1", 10, TimedOut, 300*time.Millisecond)
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("one does not answer, one is healthy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			pass(time.Second)
			reports(w, "10.0.0.2", 1, Good, time.Millisecond)
			reports(w, "10.0.0.1", 10, TimedOut, 300*time.Millisecond)
			wantList(t, w, "10.0.0.2", "10.0.0.3")
		})
	})
}

func TestSlowCallsInARowEject(t *testing.T) {
	for name, test := range map[string]struct {
		took  time.Duration
		every time.Duration // between calls
		quick int           // a quick call after this many slow ones; 0 for none
		out   bool
	}{
		"slow":                         {150 * time.Millisecond, 60 * time.Millisecond, 0, true},
		"below the floor":              {49 * time.Millisecond, 60 * time.Millisecond, 0, false},
		"one moment, many calls":       {150 * time.Millisecond, time.Millisecond, 0, false},
		"each fifth is quick":          {150 * time.Millisecond, 60 * time.Millisecond, 4, false},
		"slow, with a quick one later": {150 * time.Millisecond, 60 * time.Millisecond, 6, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := healthy(t, 3)
				for i := range 20 {
					pass(test.every)
					took := test.took
					if test.quick > 0 && i%(test.quick+1) == test.quick {
						took = time.Millisecond
					}
					reports(w, "10.0.0.2", 1, Good, time.Millisecond)
					reports(w, "10.0.0.3", 1, Good, time.Millisecond)
					reports(w, "10.0.0.1", 1, Good, took)
				}
				if out := len(w.cc.last()) == 2; out != test.out {
					t.Errorf("ejected: %t, want %t", out, test.out)
				}
			})
		})
	}
}

func TestOnlyAProbeReadmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		reports(w, "10.0.0.1", 3, TimedOut, 0)
		wantList(t, w, "10.0.0.2")
		reports(w, "10.0.0.1", 1, Good, time.Millisecond) // a late answer to an old call
		w.probeErrs <- errors.New("hangs")
		pass(5 * time.Second) // probes time out
		wantList(t, w, "10.0.0.2")
		w.probeTakes.Store(int64(60 * time.Millisecond))
		close(w.probeErrs)
		pass(5 * time.Second) // it answers, slowly
		wantList(t, w, "10.0.0.2")
		w.probeTakes.Store(int64(time.Millisecond))
		pass(3 * time.Second)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if got := testutil.ToFloat64(w.metrics.readmissions); got != 1 {
			t.Errorf("readmissions %v, want 1", got)
		}
	})
}

func TestARelapseDoublesTheProbeInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		close(w.probeErrs) // probes succeed: they do not detect the problem
		for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second} {
			reports(w, "10.0.0.2", 1, Good, 0)
			reports(w, "10.0.0.1", 3, Failed, 0)
			wantList(t, w, "10.0.0.2")
			pass(want - time.Millisecond)
			wantList(t, w, "10.0.0.2")
			pass(2 * time.Millisecond)
			wantList(t, w, "10.0.0.1", "10.0.0.2")
		}
		pass(2 * relapse)
		reports(w, "10.0.0.2", 1, Good, 0)
		reports(w, "10.0.0.1", 3, Failed, 0)
		pass(time.Second + time.Millisecond)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}

func TestCallsFromBeforeReadmissionDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		close(w.probeErrs)
		reports(w, "10.0.0.1", 3, TimedOut, 0)
		pass(time.Second + time.Millisecond)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		reports(w, "10.0.0.2", 1, Good, 0)
		reports(w, "10.0.0.1", 3, TimedOut, 2*time.Second) // they began before it was ejected
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}

func TestReadmitAllReadmitsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 5)
		reports(w, "10.0.0.1", 3, TimedOut, 0)
		reports(w, "10.0.0.2", 3, TimedOut, 0)
		wantList(t, w, "10.0.0.3", "10.0.0.4", "10.0.0.5")
		w.ejector.ReadmitAll()
		synctest.Wait()
		wantList(t, w, ips(5)...)
		if got := testutil.ToFloat64(w.metrics.ejected); got != 0 {
			t.Errorf("ejected gauge %v, want 0", got)
		}
	})
}

func TestNeverMoreThanHalfAreEjected(t *testing.T) {
	for total := 1; total <= 5; total++ {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := healthy(t, total)
				for _, ip := range ips(total) {
					reports(w, ip, 10, TimedOut, 0)
				}
				if got, want := len(w.cc.last()), total-total/2; got != want {
					t.Errorf("%d of %d receive calls, want %d", got, total, want)
				}
			})
		})
	}
}

func TestAShrinkingListReadmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		reports(w, "10.0.0.1", 3, TimedOut, 0)
		wantList(t, w, "10.0.0.2")
		w.dns.set(nil, "10.0.0.1") // the healthy one left the list
		pass(2 * interval)
		wantList(t, w, "10.0.0.1")
	})
}

func TestAnAddressThatLeftStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		reports(w, "10.0.0.1", 3, TimedOut, 0)
		w.dns.set(nil, "10.0.0.2")
		pass(2 * interval)
		w.dns.set(nil, "10.0.0.1", "10.0.0.2")
		pass(2 * interval)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if got := testutil.ToFloat64(w.metrics.ejected); got != 0 {
			t.Errorf("ejected gauge %v, want 0", got)
		}
	})
}

func TestUnlistedAddressesDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		reports(w, "10.9.9.9", 10, TimedOut, 0)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}
