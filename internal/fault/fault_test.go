package fault

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"bookstall/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newFaults() (*Faults, *lifecycle.Readiness) {
	ready := lifecycle.NewReadiness()
	ready.Set(true, "")
	return New(Config{Readiness: ready, Health: true, Log: logr.Discard()}), ready
}

func TestTheShareOfErrorsIsExact(t *testing.T) {
	const calls = 1000
	for _, share := range []float64{0, 0.001, 0.1, 1.0 / 3, 0.5, 0.9, 1} {
		f, _ := newFaults()
		f.Change(Set{ErrorShare: share, Code: "UNAVAILABLE"})
		failed, run, longest := 0, 0, 0
		for range calls {
			err := f.Apply(t.Context())
			var fault *Error
			switch {
			case errors.As(err, &fault) && fault.Code == "UNAVAILABLE":
				failed, run = failed+1, run+1
			case err != nil:
				t.Fatal(err)
			default:
				run = 0
			}
			longest = max(longest, run)
		}
		if want := calls * share; math.Abs(float64(failed)-want) > 1 {
			t.Errorf("share %v: %d of %d failed", share, failed, calls)
		}
		if share <= 0.5 && longest > 1 {
			t.Errorf("share %v: %d failures in a row, want them evenly spread", share, longest)
		}
	}
}

func TestDelayAndHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newFaults()
		took := func(deadline time.Duration) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			began := time.Now()
			err := f.Apply(ctx)
			return time.Since(began), err
		}
		f.Change(Set{Delay: Duration(250 * time.Millisecond)})
		if d, err := took(time.Second); d != 250*time.Millisecond || err != nil {
			t.Errorf("delay: %v, %v", d, err)
		}
		if d, err := took(100 * time.Millisecond); d != 100*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("delay beyond the deadline: %v, %v", d, err)
		}
		f.Change(Set{Hang: true, ErrorShare: 1})
		if d, err := took(time.Hour); d != time.Hour || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("hang: %v, %v", d, err)
		}
		f.Change(none())
		if d, err := took(time.Second); d != 0 || err != nil {
			t.Errorf("no faults: %v, %v", d, err)
		}
	})
}

func TestFaultsOfTheFirstCallsAlone(t *testing.T) {
	f, _ := newFaults()
	for range 2 { // a change counts anew
		f.Change(Set{ErrorShare: 1, Code: "INTERNAL", Calls: 3})
		var failed []bool
		for range 5 {
			failed = append(failed, f.Apply(t.Context()) != nil)
		}
		if want := []bool{true, true, true, false, false}; !slices.Equal(failed, want) {
			t.Errorf("failed: %v, want %v", failed, want)
		}
	}
}

func TestUnreadyChangesReadinessAndNotServingOnlyHealth(t *testing.T) {
	f, ready := newFaults()
	var seen []bool
	f.WatchNotServing(func(not bool) { seen = append(seen, not) })
	f.Change(Set{Unready: true})
	ready.Set(true, "") // as a loader does
	if ok, reason := ready.Ready(); ok || reason != "injected fault" {
		t.Errorf("unready: %v, %q", ok, reason)
	}
	f.Change(Set{NotServing: true})
	if ok, _ := ready.Ready(); !ok {
		t.Error("not_serving made the process unready")
	}
	if len(seen) != 3 || seen[0] || seen[1] || !seen[2] {
		t.Errorf("the health watcher received %v, want [false false true]", seen)
	}
}
