// Package fault injects faults into a program: not ready, slow, hanging, failing or
// crashing. Drills set them over the admin port, on a laptop or on a cluster; programs
// have the path only if they are started with --faults.
//
// marketplace applies faults with Middleware, recommendations with the interceptors of
// package rpc.
package fault

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/lifecycle"
)

// Config sets up Faults.
type Config struct {
	Readiness *lifecycle.Readiness // held while Set.Unready
	// Health means that the program has a gRPC health service; without one,
	// Set.NotServing is refused.
	Health bool
	Exit   func(code int) // os.Exit, which runs no deferred calls, like a crash
	Log    logr.Logger
}

// Faults holds the faults that are set at present. It is safe for concurrent use.
type Faults struct {
	cfg Config

	mu       sync.Mutex
	set      Set
	calls    float64 // since the last change
	watchers []func(notServing bool)
}

// New returns Faults with none set.
func New(cfg Config) *Faults { return &Faults{cfg: cfg, set: none()} }

// Current returns the present faults.
func (f *Faults) Current() Set {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set
}

// holdReason is why a process is not ready by a fault.
const holdReason = "injected fault"

// Change replaces the present faults.
func (f *Faults) Change(set Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set, f.calls = set, 0
	if set.Unready {
		f.cfg.Readiness.Hold(holdReason)
	} else {
		f.cfg.Readiness.Release(holdReason)
	}
	for _, changed := range f.watchers {
		changed(set.NotServing)
	}
}

// WatchNotServing calls changed with Set.NotServing now and at every change of the faults.
// changed must not block or call methods of f.
func (f *Faults) WatchNotServing(changed func(notServing bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers = append(f.watchers, changed)
	changed(f.set.NotServing)
}

// Error is the error of a call that fails by an injected fault.
type Error struct {
	Code string // one of Codes
}

func (e *Error) Error() string { return "injected fault" }

// Apply applies the faults to one call: it waits for the delay, then until ctx ends if
// calls hang, panics if calls do, and returns an *Error if it is this call's turn to fail. Failures are
// spread evenly and deterministically: of n calls, n*ErrorShare fail. If ctx ends it
// returns the error of ctx. After Set.Calls calls it does nothing.
func (f *Faults) Apply(ctx context.Context) error {
	f.mu.Lock()
	set := f.set
	f.calls++
	over := set.Calls > 0 && f.calls > float64(set.Calls)
	fails := math.Floor(f.calls*set.ErrorShare) > math.Floor((f.calls-1)*set.ErrorShare)
	f.mu.Unlock()
	if over {
		return nil
	}
	if set.Delay > 0 {
		timer := time.NewTimer(time.Duration(set.Delay))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if set.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if set.Panic {
		panic("injected fault")
	}
	if fails {
		return &Error{set.Code}
	}
	return nil
}

// Codes returns the gRPC names of the codes that calls can be made to fail with; the first
// is the default.
func Codes() []string {
	return []string{"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNIMPLEMENTED"}
}

func validCode(name string) bool { return slices.Contains(Codes(), name) }
