package lifecycle

import (
	"context"
	"slices"
	"sync"
)

// Readiness holds whether a process may receive calls. The admin port's /readyz and the
// gRPC health service both follow it.
//
// A process starts not ready, and is never ready again once it drains, even if something
// finishes loading late. In between it is ready if Set says so and nothing holds it.
// Readiness is safe for concurrent use.
type Readiness struct {
	mu       sync.Mutex
	set      bool     // last value of Set
	reason   string   // why set is false
	note     string   // what an operator should know even if the process is ready; "" for nothing
	held     []string // reasons of Hold, the first one first
	draining bool
	drained  context.Context
	drain    context.CancelFunc // ends drained
	watchers []func(ready bool)
}

// NewReadiness returns a Readiness that is not ready, with the reason "starting".
func NewReadiness() *Readiness {
	r := &Readiness{reason: "starting"}
	r.drained, r.drain = context.WithCancel(context.Background())
	return r
}

// Set sets whether the process is ready; reason says why not. It has no effect once the
// process drains, and is deferred while something holds it.
func (r *Readiness) Set(ready bool, reason string) {
	r.change(func() { r.set, r.reason = ready, reason })
}

// Note sets what an operator should know although the process is ready, "" for nothing.
func (r *Readiness) Note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note = text
}

// Noted returns what Note has set.
func (r *Readiness) Noted() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.note
}

// Hold makes the process not ready until Release with the same reason. There may be several
// reasons at a time.
func (r *Readiness) Hold(reason string) {
	r.change(func() {
		if !slices.Contains(r.held, reason) {
			r.held = append(r.held, reason)
		}
	})
}

// Release ends a Hold, if there is one for the reason. After the last one, the last Set
// applies again.
func (r *Readiness) Release(reason string) {
	r.change(func() {
		r.held = slices.DeleteFunc(r.held, func(held string) bool { return held == reason })
	})
}

// Drain makes the process not ready for good.
func (r *Readiness) Drain() {
	r.change(func() {
		if !r.draining {
			r.draining = true
			r.drain()
		}
	})
}

// Drained returns a context that Drain ends. Answers without an end of their own, such as
// streams, end then.
func (r *Readiness) Drained() context.Context { return r.drained }

// change calls do, and the watchers if that changed whether the process is ready.
func (r *Readiness) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, _ := r.current()
	do()
	after, _ := r.current()
	if after == before {
		return
	}
	for _, changed := range r.watchers {
		changed(after)
	}
}

func (r *Readiness) current() (ready bool, reason string) {
	switch {
	case r.draining:
		return false, "draining"
	case len(r.held) > 0:
		return false, r.held[0]
	case !r.set:
		return false, r.reason
	}
	return true, ""
}

// Ready reports whether the process is ready, and the reason if not.
func (r *Readiness) Ready() (ready bool, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current()
}

// Draining reports whether Drain was called.
func (r *Readiness) Draining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

// Watch calls changed now and at every change, in order. changed must not block or call
// methods of r.
func (r *Readiness) Watch(changed func(ready bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, changed)
	ready, _ := r.current()
	changed(ready)
}
