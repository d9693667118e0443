package balance

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// In the tests of this file, probes pass at once unless a test says otherwise: a suspected
// replica is back at once, and calls in a row alone eject it.

func TestBadCallsInARowEject(t *testing.T) {
	for v, reason := range map[verdict]string{bad: ReasonErrors, timedOut: ReasonTimeouts} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := healthy(t, 3)
				w.reports("10.0.0.2", 2, v, 0)
				w.reports("10.0.0.2", 1, good, 0) // a good answer resets the count
				w.reports("10.0.0.2", 2, v, 0)
				wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
				w.reports("10.0.0.2", 1, v, 0)
				wantList(t, w, "10.0.0.1", "10.0.0.3")
				if got := w.events.count(Ejected, reason); got != 1 {
					t.Errorf("the Observer was told of %d ejections for %s, want 1", got, reason)
				}
				for _, ip := range []string{"10.0.0.1", "10.0.0.3"} {
					wantState(t, w, ip, Serving, "")
				}
				wantState(t, w, "10.0.0.2", Ejected, reason)
			})
		})
	}
}

func TestMethodsAreCountedSeparately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		for range 3 { // another method succeeds meanwhile
			w.reportsOf("/test.Books/Put", "10.0.0.1", 1, good, 0)
			w.reports("10.0.0.1", 1, timedOut, 0)
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
					w.reports(ip, 1, bad, 0)
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
					w.reports(ip, 1, good, 100*time.Millisecond)
				}
			}
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("all are slow, and the median of one follows first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			pass(time.Second)
			for range 50 { // slow for the first, and no more for the others
				pass(10 * time.Millisecond)
				w.reports("10.0.0.1", 1, good, 100*time.Millisecond)
			}
			w.reports("10.0.0.2", 1, good, 100*time.Millisecond)
			w.reports("10.0.0.1", 1, good, 100*time.Millisecond)
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("all failed, and one has calls in flight from that time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			for range 5 {
				pass(400 * time.Millisecond)
				for _, ip := range ips(3) {
					w.reports(ip, 1, timedOut, 300*time.Millisecond)
				}
			}
			w.reports("10.0.0.2", 1, good, 0)
			w.reports("10.0.0.3", 1, good, 0)
			pass(100 * time.Millisecond)
			w.reports("10.0.0.1", 1, timedOut, 300*time.Millisecond) // it began before
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
			pass(time.Second)
			w.reports("10.0.0.1", 1, timedOut, 300*time.Millisecond)
			wantList(t, w, "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("the others have had no calls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := start(t, &fakeDNS{ips: ips(2)})
			w.reports("10.0.0.1", 10, timedOut, 0)
			wantList(t, w, "10.0.0.1", "10.0.0.2")
		})
	})
	t.Run("the others were healthy and do not answer now", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			pass(time.Second)
			for range 10 {
				pass(300 * time.Millisecond)
				w.reports("10.0.0.1", 1, timedOut, 300*time.Millisecond)
			}
			if rec := w.at("10.0.0.1").record(method); rec.bad != 10 {
				t.Fatalf("%d timeouts in a row counted, want 10", rec.bad)
			}
			wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		})
	})
	t.Run("one does not answer, one is healthy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := healthy(t, 3)
			pass(time.Second)
			for range 3 {
				pass(300 * time.Millisecond)
				w.reports("10.0.0.2", 1, good, time.Millisecond)
				w.reports("10.0.0.1", 1, timedOut, 300*time.Millisecond)
			}
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
					w.reports("10.0.0.2", 1, good, time.Millisecond)
					w.reports("10.0.0.3", 1, good, time.Millisecond)
					w.reports("10.0.0.1", 1, good, took)
				}
				want := Serving
				reason := ""
				if test.out {
					want, reason = Ejected, ReasonSlow
				}
				wantState(t, w, "10.0.0.1", want, reason)
				if got := w.events.count(Suspected, ReasonSlow); got != 0 {
					t.Errorf("suspected %d times, want 0: one slow call says nothing", got)
				}
			})
		})
	}
}

// The time in the replica's queue does not count: it is busy, not slow.
func TestTimeInTheQueueIsNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		for range 20 {
			pass(60 * time.Millisecond)
			w.reports("10.0.0.2", 1, good, time.Millisecond)
			w.reports("10.0.0.3", 1, good, time.Millisecond)
			o := ended(method, good, 150*time.Millisecond)
			o.waited = 140 * time.Millisecond
			w.pool.ended(w.at("10.0.0.1"), o)
			synctest.Wait()
		}
		wantList(t, w, ips(3)...)
	})
}

func TestOnlyAProbeReadmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		w.reports("10.0.0.1", 3, timedOut, 0)
		wantList(t, w, "10.0.0.2")
		w.probe.set(probeResult{err: errors.New("sick")}, "10.0.0.1")
		w.reports("10.0.0.1", 1, good, time.Millisecond) // a late answer to an old call
		pass(1500 * time.Millisecond)                    // a probe fails
		wantList(t, w, "10.0.0.2")
		w.probe.set(probeResult{hangs: true}, "10.0.0.1")
		pass(5 * time.Second) // probes time out
		wantList(t, w, "10.0.0.2")
		w.probe.set(probeResult{took: 60 * time.Millisecond}, "10.0.0.1")
		pass(5 * time.Second) // it answers, slowly
		wantList(t, w, "10.0.0.2")
		w.probe.set(probeResult{took: time.Millisecond}, "10.0.0.1")
		pass(3 * time.Second)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if got := w.events.of("10.0.0.1"); !slices.Equal(got[len(got)-2:], []string{"serving>ejected timeouts", "ejected>serving probed"}) {
			t.Errorf("changes %q, want them to end with an ejection and a readmission", got)
		}
	})
}

func TestARelapseDoublesTheProbeInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2) // probes succeed: they do not detect the problem
		for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second} {
			w.reports("10.0.0.2", 1, good, 0)
			w.reports("10.0.0.1", 3, bad, 0)
			wantList(t, w, "10.0.0.2")
			pass(want - time.Millisecond)
			wantList(t, w, "10.0.0.2")
			pass(2 * time.Millisecond)
			wantList(t, w, "10.0.0.1", "10.0.0.2")
		}
		pass(2 * relapse)
		w.reports("10.0.0.2", 1, good, 0)
		w.reports("10.0.0.1", 3, bad, 0)
		wantList(t, w, "10.0.0.2")
		pass(time.Second + time.Millisecond)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}

func TestCallsFromBeforeReadmissionDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		w.reports("10.0.0.1", 3, timedOut, 0)
		pass(time.Second + time.Millisecond)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		w.reports("10.0.0.2", 1, good, 0)
		before := len(w.events.of("10.0.0.1"))
		w.reports("10.0.0.1", 3, timedOut, 2*time.Second) // they began before it was ejected
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if got := w.events.of("10.0.0.1"); len(got) != before {
			t.Errorf("changes after the late timeouts: %q, want none", got[before:])
		}
	})
}

func TestCloseReadmitsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 5)
		w.reports("10.0.0.1", 3, timedOut, 0)
		w.reports("10.0.0.2", 3, timedOut, 0)
		wantList(t, w, "10.0.0.3", "10.0.0.4", "10.0.0.5")
		w.balancer.Close()
		wantList(t, w, ips(5)...)
		if w.pool.out != 0 {
			t.Errorf("%d replicas are out, want 0", w.pool.out)
		}
		w.reports("10.0.0.1", 10, timedOut, 0)
		wantList(t, w, ips(5)...)
	})
}

func TestWithoutEjectionNoneIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3, WithoutEjection())
		w.probe.set(probeResult{err: errors.New("sick")}, "10.0.0.1")
		w.reports("10.0.0.1", 10, timedOut, 0)
		wantList(t, w, ips(3)...)
		if got := w.probe.count("10.0.0.1"); got != 0 {
			t.Errorf("%d probes, want 0", got)
		}
	})
}

func TestNeverMoreThanHalfAreEjected(t *testing.T) {
	for total := 1; total <= 5; total++ {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := healthy(t, total)
				for _, ip := range ips(total) {
					w.reports(ip, 10, timedOut, 0)
				}
				if got, want := len(w.serving()), total-total/2; got != want {
					t.Errorf("%d of %d receive calls, want %d", got, total, want)
				}
			})
		})
	}
}

// What a replica did while it could not be taken out does not eject it later, without a probe.
func TestAReplicaBeyondTheHalfBeginsAsASuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.probe.set(probeResult{err: errors.New("sick")}, "10.0.0.1") // so that no probe readmits it
		w.reports("10.0.0.1", 3, timedOut, 0)
		w.reports("10.0.0.2", 10, timedOut, 0)
		wantList(t, w, "10.0.0.2", "10.0.0.3")
		w.probe.set(probeResult{}, "10.0.0.1")
		pass(time.Minute)
		wantList(t, w, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		w.reportsOf(method, "10.0.0.1", 1, good, time.Millisecond)
		w.reportsOf(method, "10.0.0.3", 1, good, time.Millisecond)
		before := w.probe.count("10.0.0.2")
		w.reports("10.0.0.2", 1, timedOut, 0) // its probe passes
		wantState(t, w, "10.0.0.2", Serving, "")
		if n := w.probe.count("10.0.0.2") - before; n != 1 {
			t.Errorf("%d probes, want 1", n)
		}
	})
}

func TestAShrinkingListReadmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		w.reports("10.0.0.1", 3, timedOut, 0)
		wantList(t, w, "10.0.0.2")
		w.dns.set(nil, "10.0.0.1") // the healthy one left the list
		pass(2 * interval)
		wantList(t, w, "10.0.0.1")
	})
}

func TestAnAddressThatLeftStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		w.probe.set(probeResult{err: errors.New("sick")}, "10.0.0.1") // so that no probe readmits it
		w.reports("10.0.0.1", 3, timedOut, 0)
		w.dns.set(nil, "10.0.0.2")
		pass(2 * interval)
		wantState(t, w, "10.0.0.1", Gone, "")
		w.dns.set(nil, "10.0.0.1", "10.0.0.2")
		pass(2 * interval)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if w.pool.out != 0 {
			t.Errorf("%d replicas are out, want 0", w.pool.out)
		}
		if rec := w.at("10.0.0.1").record(method); rec.bad != 0 {
			t.Errorf("%d bad calls in a row, want 0: another replica has the address now", rec.bad)
		}
	})
}

// A call may end after its replica left the list.
func TestUnlistedReplicasDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		left := w.at("10.0.0.3")
		w.dns.set(nil, "10.0.0.1", "10.0.0.2")
		pass(2 * interval)
		for range 10 {
			w.pool.ended(left, ended(method, timedOut, 0))
			synctest.Wait()
		}
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		wantState(t, w, "10.0.0.3", Gone, "")
		if got := w.probe.count("10.0.0.3"); got != 0 {
			t.Errorf("%d probes, want 0", got)
		}
		pass(goneFor)
		wantState(t, w, "10.0.0.3", "", "")
	})
}
