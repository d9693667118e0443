// Package fault makes a program misbehave on purpose: not ready, slow, hanging,
// failing, gone. Drills set the faults over the admin port, on a laptop and on a
// cluster alike; programs have it only when they are started with --faults.
//
// Both programs use it, marketplace by Middleware and recommendations through
// internal/rpc. It must not import gRPC: internal/rpc turns Error into a status.
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
	// Health says that the program has a gRPC health service; without one,
	// Set.NotServing is refused.
	Health bool
	Exit   func(code int) // os.Exit, which runs no deferred call, as a crash
	Log    logr.Logger
}

// Faults are what a program does wrong at present. It is safe for concurrent use.
type Faults struct {
	cfg Config

	mu       sync.Mutex
	set      Set
	calls    float64 // since set
	watchers []func(notServing bool)
}

// New returns no faults.
func New(cfg Config) *Faults { return &Faults{cfg: cfg, set: none()} }

// Current returns the present faults.
func (f *Faults) Current() Set {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set
}

// Change puts set in place of the present faults.
func (f *Faults) Change(set Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set, f.calls = set, 0
	if set.Unready {
		f.cfg.Readiness.Hold("a fault on purpose")
	} else {
		f.cfg.Readiness.Release()
	}
	for _, tell := range f.watchers {
		tell(set.NotServing)
	}
}

// WatchNotServing calls tell now and at every change. tell must not block, nor
// call back into f.
func (f *Faults) WatchNotServing(tell func(notServing bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers = append(f.watchers, tell)
	tell(f.set.NotServing)
}

// Error is what a call fails with on purpose.
type Error struct {
	Code string // one of Codes
}

func (e *Error) Error() string { return "a fault on purpose" }

// Apply does to one call what is to be done to it: it waits for the delay, then
// for the end of ctx if calls hang, then returns an *Error if it is this call's
// turn to fail. Of n calls, share*n fail, evenly spread and the same each time.
func (f *Faults) Apply(ctx context.Context) error {
	f.mu.Lock()
	set := f.set
	f.calls++
	fails := math.Floor(f.calls*set.ErrorShare) > math.Floor((f.calls-1)*set.ErrorShare)
	f.mu.Unlock()
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
	if fails {
		return &Error{set.Code}
	}
	return nil
}

// Codes are what calls can be made to fail with, by their gRPC names.
func Codes() []string {
	return []string{"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNIMPLEMENTED"}
}

func validCode(name string) bool { return slices.Contains(Codes(), name) }
