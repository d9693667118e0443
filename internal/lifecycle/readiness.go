package lifecycle

import "sync"

// Readiness is the one answer to "may this process get work?". The admin
// server's /readyz and the gRPC health service both follow it.
//
// A process starts not ready. Once it drains it stays so: what finishes loading
// late cannot call work in again.
type Readiness struct {
	mu       sync.Mutex
	ready    bool
	draining bool
	reason   string
	watchers []func(ready bool)
}

// NewReadiness returns a readiness that says no, because of starting.
func NewReadiness() *Readiness { return &Readiness{reason: "starting"} }

// Set changes the answer; reason says why it is no. It has no effect once the
// process drains.
func (r *Readiness) Set(ready bool, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return
	}
	r.change(ready, reason)
}

// Drain says no for good.
func (r *Readiness) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	r.change(false, "draining")
}

func (r *Readiness) change(ready bool, reason string) {
	if ready {
		reason = ""
	}
	r.ready, r.reason = ready, reason
	for _, tell := range r.watchers {
		tell(ready)
	}
}

// Ready returns the answer, and the reason when it is no.
func (r *Readiness) Ready() (ready bool, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready, r.reason
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
	tell(r.ready)
}
