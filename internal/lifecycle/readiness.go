package lifecycle

import "sync"

// Readiness is the one answer to "may this process get work?". The admin
// server's /readyz and the gRPC health service both follow it.
//
// A process starts not ready. Once it drains it stays so: what finishes loading
// late cannot call work in again. In between it is ready when Set says so and
// nothing holds it.
type Readiness struct {
	mu       sync.Mutex
	set      bool   // by Set
	reason   string // why set is false
	held     string // by Hold; "" for not at all
	draining bool
	drained  chan struct{} // closed by Drain
	watchers []func(ready bool)
}

// NewReadiness returns a readiness that says no, because of starting.
func NewReadiness() *Readiness {
	return &Readiness{reason: "starting", drained: make(chan struct{})}
}

// Set changes the answer; reason says why it is no. It has no effect once the
// process drains.
func (r *Readiness) Set(ready bool, reason string) {
	r.change(func() { r.set, r.reason = ready, reason })
}

// Hold says no, for a reason, until Release. What Set says meanwhile counts
// after that.
func (r *Readiness) Hold(reason string) { r.change(func() { r.held = reason }) }

// Release ends Hold.
func (r *Readiness) Release() { r.change(func() { r.held = "" }) }

// Drain says no for good.
func (r *Readiness) Drain() {
	r.change(func() {
		if !r.draining {
			r.draining = true
			close(r.drained)
		}
	})
}

// Drained returns a channel that is closed by Drain: answers without an end, such
// as streams, end then.
func (r *Readiness) Drained() <-chan struct{} { return r.drained }

// change does something that may change the answer, and tells it if so.
func (r *Readiness) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, _ := r.answer()
	do()
	after, _ := r.answer()
	if after == before {
		return
	}
	for _, tell := range r.watchers {
		tell(after)
	}
}

func (r *Readiness) answer() (ready bool, reason string) {
	switch {
	case r.draining:
		return false, "draining"
	case r.held != "":
		return false, r.held
	case !r.set:
		return false, r.reason
	}
	return true, ""
}

// Ready returns the answer, and the reason when it is no.
func (r *Readiness) Ready() (ready bool, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answer()
}

// Draining reports whether Drain was called.
func (r *Readiness) Draining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

// Watch calls tell now and at every change, in order. tell must not block, nor
// call back into r.
func (r *Readiness) Watch(tell func(ready bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, tell)
	ready, _ := r.answer()
	tell(ready)
}
