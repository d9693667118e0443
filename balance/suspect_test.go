package balance

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"
)

var errSick = errors.New("sick")

func TestAProbeDecidesAboutASuspect(t *testing.T) {
	all := ips(5)
	for name, test := range map[string]struct {
		failing []string // replicas whose probes fail
		took    time.Duration
		want    []string // changes after it served
	}{
		"only its probe fails": {failing: all[:1],
			want: []string{"serving>suspected timeouts", "suspected>ejected timeouts"}},
		"all probes fail": {failing: all,
			want: []string{"serving>suspected timeouts", "suspected>serving common"}},
		"its probe passes": {
			want: []string{"serving>suspected timeouts", "suspected>serving probed"}},
		"its probe passes, the others' fail": {failing: all[1:],
			want: []string{"serving>suspected timeouts", "suspected>serving probed"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := healthy(t, 5)
				w.probe.set(probeResult{err: errSick}, test.failing...)
				before := len(w.events.of(all[0]))
				began := time.Now()
				w.reports(all[0], 1, timedOut, 0)
				if got := w.events.of(all[0])[before:]; !slices.Equal(got, test.want) {
					t.Errorf("changes %q, want %q", got, test.want)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("decided after %v, want at once: no probe took any time", took)
				}
				controls := 0
				for _, ip := range all[1:] {
					controls += w.probe.count(ip)
				}
				if controls > 3 {
					t.Errorf("%d other replicas were probed, want 3 at most", controls)
				}
			})
		})
	}
}

// A probe that hangs decides when its deadline passes, and no call needs to come meanwhile.
func TestASuspicionNeedsNoFurtherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.probe.set(probeResult{hangs: true}, "10.0.0.1")
		w.reports("10.0.0.1", 1, timedOut, 0) // the only call for a long time
		wantState(t, w, "10.0.0.1", Suspected, ReasonTimeouts)
		wantList(t, w, "10.0.0.2", "10.0.0.3")
		pass(time.Second) // ProbeTimeout
		wantState(t, w, "10.0.0.1", Ejected, ReasonTimeouts)
	})
}

// A pause of one replica delays its probe as well. If it stays slow, its calls eject it.
func TestASuspectWhoseProbeIsSlowIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.probe.set(probeResult{took: 300 * time.Millisecond}, "10.0.0.1")
		w.reports("10.0.0.1", 1, timedOut, 0)
		wantState(t, w, "10.0.0.1", Serving, "")
		if got := w.events.of("10.0.0.1"); got[len(got)-1] != "suspected>serving probed" {
			t.Errorf("changes %q, want the last to be for the reason %q", got, ReasonProbed)
		}
	})
}

func TestAtMostOneSuspicionInAProbeInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3, WithEjection(Ejection{Threshold: 1000})) // so that only suspicion takes it out
		for range 25 {                                              // 2.5 s
			w.reports("10.0.0.1", 1, bad, 0)
			pass(100 * time.Millisecond)
		}
		if got := w.events.count(Suspected, ReasonErrors); got != 3 {
			t.Errorf("%d suspicions in 2.5 s, want 3: one at 0, 1 and 2 s", got)
		}
		if got := w.probe.count("10.0.0.1"); got != 3 {
			t.Errorf("%d probes in 2.5 s, want 3", got)
		}
	})
}

func TestCallsInFlightOfASuspectDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.probe.set(probeResult{hangs: true}, "10.0.0.1", "10.0.0.2", "10.0.0.3") // a common fault
		w.reports("10.0.0.1", 1, timedOut, 300*time.Millisecond)
		wantState(t, w, "10.0.0.1", Suspected, ReasonTimeouts)
		w.reports("10.0.0.1", 20, timedOut, 300*time.Millisecond) // in flight when it became a suspect
		wantState(t, w, "10.0.0.1", Suspected, ReasonTimeouts)
		pass(time.Second)
		wantState(t, w, "10.0.0.1", Serving, "")
		w.reports("10.0.0.1", 20, timedOut, 1100*time.Millisecond) // in flight all the time
		wantState(t, w, "10.0.0.1", Serving, "")
		if rec := w.at("10.0.0.1").record(method); rec.bad != 0 {
			t.Errorf("%d timeouts in a row counted, want 0", rec.bad)
		}
	})
}

// A suspicion that a probe clears is no readmission after an ejection: it does not make the
// next ejection a relapse, and the row of bad calls goes on.
func TestAClearedSuspicionIsNoEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.reports("10.0.0.1", 1, bad, 0)
		wantState(t, w, "10.0.0.1", Serving, "")
		if rec := w.at("10.0.0.1").record(method); rec.bad != 1 {
			t.Errorf("%d bad calls in a row, want 1", rec.bad)
		}
		w.reports("10.0.0.1", 2, bad, 0)
		wantState(t, w, "10.0.0.1", Ejected, ReasonErrors)
		pass(time.Second + time.Millisecond) // ProbeInterval, not twice as long
		wantState(t, w, "10.0.0.1", Serving, "")
	})
}

func TestTheLastServingReplicaIsNeverSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.connected("10.0.0.2", connectivity.Ready, NotServing)
		w.connected("10.0.0.3", connectivity.TransientFailure, Connecting)
		w.probe.set(probeResult{err: errSick}, "10.0.0.1")
		w.reports("10.0.0.1", 10, timedOut, 0)
		wantState(t, w, "10.0.0.1", Serving, "")
		if got := w.probe.count("10.0.0.1"); got != 0 {
			t.Errorf("%d probes, want 0", got)
		}
	})
}

func TestAReplicaThatIsNotServingIsNotSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.connected("10.0.0.1", connectivity.Ready, NotServing)
		w.reports("10.0.0.1", 1, timedOut, 0) // a call that was in flight
		wantState(t, w, "10.0.0.1", NotServing, "")
	})
}

func TestASuspectIsBackWhenNoOtherServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 2)
		w.probe.set(probeResult{hangs: true}, "10.0.0.1")
		w.reports("10.0.0.1", 1, timedOut, 0)
		wantList(t, w, "10.0.0.2")
		w.connected("10.0.0.2", connectivity.TransientFailure, Connecting)
		wantList(t, w, "10.0.0.1")
		if got := w.events.of("10.0.0.1"); got[len(got)-1] != "suspected>serving needed" {
			t.Errorf("changes %q, want the last to be for the reason %q", got, ReasonNeeded)
		}
		pass(2 * time.Second) // its probe, which failed, decides nothing any more
		wantList(t, w, "10.0.0.1")
	})
}

func TestAtMostHalfAreSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 5)
		w.probe.set(probeResult{hangs: true}, ips(5)...)
		for _, ip := range ips(5) {
			w.reports(ip, 1, timedOut, 0)
		}
		wantList(t, w, "10.0.0.3", "10.0.0.4", "10.0.0.5")
		pass(time.Second)
		wantList(t, w, ips(5)...) // none passed a probe: a common fault
		if got := w.events.count(Ejected, ReasonTimeouts); got != 0 {
			t.Errorf("%d ejections, want 0", got)
		}
	})
}

func TestASuspectThatLeavesTheListIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3, WithEjection(Ejection{ProbeTimeout: time.Minute}))
		w.probe.set(probeResult{hangs: true}, "10.0.0.1")
		w.reports("10.0.0.1", 1, timedOut, 0)
		wantState(t, w, "10.0.0.1", Suspected, ReasonTimeouts)
		w.dns.set(nil, "10.0.0.2", "10.0.0.3")
		pass(2 * interval)
		wantState(t, w, "10.0.0.1", Gone, "")
		w.dns.set(nil, ips(3)...)
		pass(2 * interval)
		wantState(t, w, "10.0.0.1", Serving, "")
	})
}
