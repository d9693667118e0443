package balance

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"
)

func quick(string) time.Duration { return time.Millisecond }

// fresh is the replica that comes to three others in the tests of slow start.
const fresh = "10.0.0.4"

// grown returns a world in which a fourth replica has just begun to serve beside three that
// have done so for a while.
func grown(t *testing.T, options ...Option) *world {
	t.Helper()
	w := healthy(t, 3, options...)
	pass(10 * time.Second)
	w.dns.set(nil, ips(4)...)
	for w.at(fresh) == nil {
		pass(time.Millisecond)
	}
	for _, ip := range ips(3) {
		w.reports(ip, minTimes, good, time.Millisecond)
	}
	return w
}

// part returns which part of its whole share the new replica got in n calls at this moment,
// and checks that the others shared the rest evenly.
func part(t *testing.T, w *world, n int, took func(string) time.Duration) float64 {
	t.Helper()
	counts := w.calls(t, w.picker(), n, took)
	rest := n - counts[fresh]
	for _, ip := range ips(3) {
		if want := float64(rest) / 3; math.Abs(float64(counts[ip])-want) > 1+0.02*want {
			t.Errorf("calls %v: %d at %s, want %.0f ± 2 %%", counts, counts[ip], ip, want)
		}
	}
	return float64(counts[fresh]) * 4 / float64(n)
}

func wantPart(t *testing.T, when string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.02 {
		t.Errorf("%s: %.3f of its whole share, want %.3f ± 0.02", when, got, want)
	}
}

func TestTheShareOfANewReplicaGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := grown(t)
		began := time.Now()
		for _, at := range []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second} {
			pass(time.Until(began.Add(at)))
			wantPart(t, fmt.Sprintf("after %v", at), part(t, w, 4000, quick), 0.05+0.95*at.Seconds()/4)
		}
		pass(time.Until(began.Add(4 * time.Second)))
		for range 2 { // the first call after the ramp's end has it end
			wantPart(t, "after 4s", part(t, w, 4000, quick), 1)
		}
		if n := w.pool.ramping.Load(); n != 0 {
			t.Errorf("%d replicas in slow start, want 0", n)
		}
	})
}

func TestARampStandsStillWhileCallsAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := grown(t)
		slow := func(ip string) time.Duration {
			if ip == fresh {
				return 10 * time.Millisecond
			}
			return time.Millisecond
		}
		began := time.Now()
		for range 38 { // 19 s
			part(t, w, 40, slow)
			pass(490 * time.Millisecond)
		}
		wantPart(t, "slow all the time", part(t, w, 4000, slow), 0.05)
		pass(time.Until(began.Add(20 * time.Second)))
		part(t, w, 40, slow) // five times 4 s have passed: the ramp ends
		wantPart(t, "slow for 20s", part(t, w, 4000, slow), 1)
	})
}

func TestARampGoesOnOnceCallsAreQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := grown(t)
		part(t, w, 200, func(ip string) time.Duration {
			if ip == fresh {
				return 10 * time.Millisecond
			}
			return time.Millisecond
		})
		pass(3 * time.Second)
		wantPart(t, "slow so far", part(t, w, 4000, quick), 0.05)
		pass(2 * time.Second)
		wantPart(t, "quick for 2s", part(t, w, 4000, quick), 0.05+0.95*2/4)
	})
}

func TestNoRamp(t *testing.T) {
	for name, world := range map[string]func(*testing.T) *world{
		"slow start is off": func(t *testing.T) *world {
			t.Helper()
			return grown(t, WithSlowStart(0))
		},
		"all came up together": func(t *testing.T) *world {
			t.Helper()
			return healthy(t, 4)
		},
		"the others came up a moment ago": func(t *testing.T) *world {
			t.Helper()
			w := healthy(t, 3)
			w.dns.set(nil, ips(4)...)
			pass(interval * 11 / 10)
			return w
		},
		"its connection was replaced": func(t *testing.T) *world {
			t.Helper()
			w := healthy(t, 4)
			pass(10 * time.Second)
			w.connected(fresh, connectivity.Connecting, Connecting)
			pass(rampGap / 2)
			w.connected(fresh, connectivity.Ready, Serving)
			return w
		},
		"it was suspected": func(t *testing.T) *world {
			t.Helper()
			w := healthy(t, 4)
			pass(10 * time.Second)
			w.reports(fresh, 1, timedOut, 0)
			return w
		},
		"none of the others serves": func(t *testing.T) *world {
			t.Helper()
			w := healthy(t, 4)
			pass(10 * time.Second)
			for _, ip := range ips(4) {
				w.connected(ip, connectivity.Connecting, Connecting)
			}
			pass(10 * time.Second)
			for _, ip := range ips(4) {
				w.connected(ip, connectivity.Ready, Serving)
			}
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wantPart(t, name, part(t, world(t), 4000, quick), 1)
			})
		})
	}
}

func TestAReplicaThatWasAwayStartsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 4)
		pass(10 * time.Second)
		w.connected(fresh, connectivity.Connecting, Connecting)
		pass(2 * rampGap)
		w.connected(fresh, connectivity.Ready, Serving)
		wantPart(t, "restarted", part(t, w, 4000, quick), 0.05)
	})
}

// A ramp ends with its replica, or other replicas' calls would go on looking for it.
func TestARampEndsWithItsReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := grown(t)
		if n := w.pool.ramping.Load(); n != 1 {
			t.Fatalf("%d replicas in slow start, want 1", n)
		}
		w.dns.set(nil, ips(3)...)
		pass(2*interval + goneFor)
		w.balancer.Snapshots() // forgets what is gone
		if n := w.pool.ramping.Load(); n != 0 {
			t.Errorf("%d replicas in slow start, want 0", n)
		}
	})
}

// The calls that an ejected replica's connections would have got go to the others evenly,
// also before the child has learnt of it.
func TestThePickerPassesOverWhatIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 4, WithEjection(Ejection{ProbeTimeout: time.Hour}))
		w.probe.set(probeResult{hangs: true}, fresh)
		p := w.picker()
		w.reports(fresh, 1, timedOut, 0)
		counts := w.calls(t, p, 4000, quick)
		for _, ip := range ips(3) {
			if math.Abs(float64(counts[ip])-4000.0/3) > 1 {
				t.Errorf("calls %v, want a third at each of the others", counts)
			}
		}
		if counts[fresh] != 0 {
			t.Errorf("%d calls at the suspect, want 0", counts[fresh])
		}
	})
}

// If the child offers nothing but what is out, a call goes there rather than nowhere.
func TestThePickerFailsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2, WithEjection(Ejection{ProbeTimeout: time.Hour}))
		w.probe.set(probeResult{hangs: true}, "10.0.0.1")
		w.reports("10.0.0.1", 1, timedOut, 0)
		wantState(t, w, "10.0.0.1", Suspected, ReasonTimeouts)
		only := &roundRobin{conns: []*conn{w.channel.conns["10.0.0.1:50051"]}}
		if counts := w.calls(t, picker{child: only, pool: w.pool}, 10, quick); counts["10.0.0.1"] != 10 {
			t.Errorf("calls %v, want 10 at the only connection", counts)
		}
	})
}
