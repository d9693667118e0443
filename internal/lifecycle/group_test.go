package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal records events in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// part returns a Part that runs until it is stopped. It records its stop and its end.
func (j *journal) part(name string) Part {
	quit := make(chan struct{})
	return Part{
		Name: name,
		Run: func() error {
			<-quit
			j.add(name + " ended")
			return nil
		},
		Stop: func(context.Context) error {
			j.add("stop " + name)
			close(quit)
			return nil
		},
		StopTimeout: time.Second,
	}
}

func TestStopsInReverseOrderAfterTheDrainDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ready := NewReadiness()
		ready.Set(true, "")
		ready.Watch(func(ok bool) {
			if !ok {
				j.add("not ready")
			}
		})
		g := Group{Log: logr.Discard(), Readiness: ready, DrainDelay: 5 * time.Second}
		g.Add(j.part("admin"))
		g.Add(j.part("server"))

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		synctest.Wait()
		cancel()
		began := time.Now()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("stop took %v, want the drain delay of 5s", took)
		}
		want := []string{"not ready", "stop server", "server ended", "stop admin", "admin ended"}
		if !slices.Equal(j.lines, want) {
			t.Errorf("order %v, want %v", j.lines, want)
		}
	})
}

func TestAFailedPartStopsTheOthersWithoutDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := Group{Log: logr.Discard(), Readiness: NewReadiness(), DrainDelay: time.Hour}
		g.Add(j.part("admin"))
		boom := errors.New("boom")
		failed := j.part("server")
		failed.Run = func() error { return boom }
		g.Add(failed)
		began := time.Now()
		if err := g.Run(t.Context()); !errors.Is(err, boom) || !strings.Contains(err.Error(), "server: ") {
			t.Errorf("got %v, want server: boom", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("Run took %v, want no drain delay", took)
		}
		if !slices.Contains(j.lines, "admin ended") {
			t.Errorf("admin still runs: %v", j.lines)
		}
	})
}

func TestAPartThatEndsWithoutErrorIsStillReported(t *testing.T) {
	g := Group{Log: logr.Discard(), Readiness: NewReadiness()}
	p := (&journal{}).part("server")
	p.Run = func() error { return nil }
	g.Add(p)
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "server ended by itself") {
		t.Errorf("got %v, want that the server ended by itself", err)
	}
}

func TestCloseClosesPartsOnlyWithoutRun(t *testing.T) {
	var j journal
	g := Group{Log: logr.Discard(), Readiness: NewReadiness()}
	boom := errors.New("boom")
	for _, name := range []string{"admin", "server"} {
		p := j.part(name)
		p.Close = func() error {
			j.add("close " + name)
			return boom
		}
		g.Add(p)
	}
	g.Add(j.part("nothing to close"))
	if err := g.Close(); !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
	if want := []string{"close server", "close admin"}; !slices.Equal(j.lines, want) {
		t.Errorf("order %v, want %v", j.lines, want)
	}

	j.lines = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(g.Run(ctx), g.Close()); err != nil {
		t.Error(err)
	}
	if slices.Contains(j.lines, "close server") {
		t.Errorf("Close closed a part after Run: %v", j.lines)
	}
}

func TestEachStopHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Group{Log: logr.Discard(), Readiness: NewReadiness()}
		for _, name := range []string{"a", "b"} {
			quit := make(chan struct{})
			g.Add(Part{
				Name: name, StopTimeout: 3 * time.Second,
				Run: func() error { <-quit; return nil },
				Stop: func(ctx context.Context) error {
					<-ctx.Done() // use up the whole timeout
					close(quit)
					return ctx.Err()
				},
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		err := g.Run(ctx)
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("Run took %v, want 3s for each part", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestDrainingIsFinal(t *testing.T) {
	r := NewReadiness()
	if ok, reason := r.Ready(); ok || reason != "starting" {
		t.Errorf("at the start: %v, %q", ok, reason)
	}
	r.Set(true, "")
	if ok, reason := r.Ready(); !ok || reason != "" {
		t.Errorf("set ready: %v, %q", ok, reason)
	}
	r.Drain()
	r.Set(true, "")
	if ok, reason := r.Ready(); ok || reason != "draining" || !r.Draining() {
		t.Errorf("after Drain: %v, %q", ok, reason)
	}
}

// Hold overrides Set, whichever comes first, but not Drain.
func TestHoldOverridesSet(t *testing.T) {
	r := NewReadiness()
	var seen []bool
	r.Watch(func(ready bool) { seen = append(seen, ready) })
	expect := func(step string, want bool, wantReason string) {
		t.Helper()
		if ok, reason := r.Ready(); ok != want || reason != wantReason {
			t.Errorf("%s: %v, %q, want %v, %q", step, ok, reason, want, wantReason)
		}
	}
	r.Hold("a test fault")
	expect("held while starting", false, "a test fault")
	r.Release("a test fault")
	expect("released while starting", false, "starting")
	r.Hold("a test fault")
	r.Set(true, "")
	expect("ready while held", false, "a test fault")
	r.Hold("another")
	r.Release("a test fault")
	expect("released by one", false, "another")
	r.Release("another")
	expect("released", true, "")
	r.Hold("a test fault")
	r.Drain()
	r.Release("a test fault")
	expect("released while draining", false, "draining")
	if want := []bool{false, true, false}; !slices.Equal(seen, want) {
		t.Errorf("the watcher received %v, want %v", seen, want)
	}
}
