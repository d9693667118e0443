package discovery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// A Probe checks the health of the replica at addr (host:port) and makes a cheap call. It
// returns how long that call took, or 0 if it made none; an error means that the replica
// stays ejected.
type Probe func(ctx context.Context, addr string) (took time.Duration, err error)

// EjectorConfig says when a replica is ejected and readmitted. All fields must be set.
type EjectorConfig struct {
	// Threshold is how many calls of one method in a row must fail or time out to eject a
	// replica.
	Threshold int
	// A call is slow if it takes at least SlowFloor and at least SlowFactor times the
	// median of the other replicas. SlowThreshold slow calls in a row eject a replica if
	// their starts are at least SlowSpan apart, first to last; a short pause that delays
	// many calls at once does not.
	SlowFloor     time.Duration
	SlowFactor    int
	SlowThreshold int
	SlowSpan      time.Duration
	// ProbeInterval is the time between probes of an ejected address. It doubles, up to
	// MaxProbeInterval, each time the address is ejected within a minute of its
	// readmission.
	ProbeInterval    time.Duration
	MaxProbeInterval time.Duration
	ProbeTimeout     time.Duration // time limit of one probe
	Probe            Probe         // called concurrently for different addresses
	Metrics          *Metrics
	Log              logr.Logger
}

// relapse is the time after readmission within which an ejection counts as repeated.
const relapse = time.Minute

// Reasons why a replica is ejected.
const (
	ReasonErrors   = "errors"
	ReasonTimeouts = "timeouts"
	ReasonSlow     = "slow"
)

// Result is what the outcome of a call says about the replica.
type Result int

// Results of a call.
const (
	Good     Result = iota // it answered, perhaps with an error that the caller caused
	Failed                 // it failed
	TimedOut               // it did not answer in time
)

// Outcome describes how a call ended.
type Outcome struct {
	Method string // only calls of one method are compared with each other
	Result Result
	Began  time.Time
	Took   time.Duration // 0 if it is not comparable, as for a stream
}

// Ejector takes addresses off the list whose calls fail, time out or are slow. Health
// checks miss a replica that answers them and nothing else, and a retry does not help
// once the deadline has passed.
//
// A replica is compared with the others on the same method at the same time: if all do
// badly, the cause is the call, the database or the network, and none is ejected. At most
// half of the replicas are ejected, and none unless others answer meanwhile.
//
// It is safe for concurrent use. Close stops its probes and waits for them.
type Ejector struct {
	cfg     EjectorConfig
	changed chan struct{} // holds one token when the set of ejected addresses changed
	ctx     context.Context
	cancel  context.CancelFunc
	probes  sync.WaitGroup
	lists   atomic.Int64 // DNS lists received

	mu      sync.Mutex
	listed  map[string]*endpoint
	ejected int
}

// endpoint is the state of one listed address.
type endpoint struct {
	records     map[string]*record // records by method
	firstListed time.Time          // when DNS first listed it
	since       time.Time          // when it was last listed, ejected or readmitted

	// While it is ejected.
	stop   context.CancelFunc // stops its probe; nil if it is not ejected
	reason string
	method string // the method whose calls were the reason

	ejections  int       // ejections in a row, each within relapse of the readmission before
	readmitted time.Time // last readmission
}

// Listed is an address in the last DNS list.
type Listed struct {
	Address     string
	Ejected     string    // the reason; "" if it is not ejected
	FirstListed time.Time // when DNS first listed it; reset when it leaves the list
	Since       time.Time // when it was last listed, ejected or readmitted
}

// NewEjector returns an ejector without addresses. The caller must Close it.
func NewEjector(cfg EjectorConfig) *Ejector {
	ctx, cancel := context.WithCancel(context.Background())
	return &Ejector{
		cfg:     cfg,
		changed: make(chan struct{}, 1),
		ctx:     ctx,
		cancel:  cancel,
		listed:  map[string]*endpoint{},
	}
}

// Report records how a call to addr (host:port) ended, and may eject addr. It ignores an
// address that is not listed or is ejected, and a call that began before the address was
// readmitted.
func (e *Ejector) Report(addr string, outcome Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ep, ok := e.listed[addr]
	if !ok || ep.stop != nil || outcome.Began.Before(ep.readmitted) { // a call from before the readmission is outdated
		return
	}
	r := ep.record(outcome.Method)
	if outcome.Result != Good {
		if r.bad == 0 {
			r.badFrom = outcome.Began
		}
		if r.bad++; r.bad >= e.cfg.Threshold && e.othersHealthy(addr, outcome.Method, r.badFrom) {
			e.eject(addr, outcome.Method, map[Result]string{Failed: ReasonErrors, TimedOut: ReasonTimeouts}[outcome.Result])
		}
		return
	}
	r.bad, r.good = 0, time.Now()
	if outcome.Took == 0 {
		return
	}
	r.add(outcome.Took)
	switch limit, known := e.slowLimit(addr, outcome.Method, outcome.Took); {
	case !known || outcome.Took < limit:
		r.slow = 0
		return
	case r.slow == 0:
		r.slowFrom = outcome.Began
	}
	if r.slow++; r.slow >= e.cfg.SlowThreshold && outcome.Began.Sub(r.slowFrom) >= e.cfg.SlowSpan &&
		e.othersHealthy(addr, outcome.Method, r.slowFrom) {
		e.eject(addr, outcome.Method, ReasonSlow)
	}
}

func (ep *endpoint) record(method string) *record {
	r, ok := ep.records[method]
	if !ok {
		r = &record{}
		ep.records[method] = r
	}
	return r
}

// others calls do with the record of a method at each replica but addr and those that
// are ejected. The caller holds e.mu.
func (e *Ejector) others(addr, method string, do func(*record)) {
	for other, ep := range e.listed {
		if other != addr && ep.stop == nil {
			do(ep.record(method))
		}
	}
}

// othersHealthy reports whether at least half of the other replicas, and at least one,
// have answered a method since the given time, and neither failed nor were slow. A
// replica that is down or not serving has not answered. The caller holds e.mu.
func (e *Ejector) othersHealthy(addr, method string, since time.Time) bool {
	var all, healthy int
	e.others(addr, method, func(r *record) {
		if all++; r.bad == 0 && r.slow == 0 && !r.good.Before(since) {
			healthy++
		}
	})
	return healthy > 0 && healthy*2 >= all
}

// ReadmitAll readmits all ejected replicas. The caller found no serving replica, and an
// ejected one is better than none.
func (e *Ejector) ReadmitAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ejected == 0 {
		return
	}
	for addr, ep := range e.listed {
		if ep.stop != nil {
			e.readmit(ep)
			e.cfg.Log.Info("replica readmitted, no other is serving", "address", addr)
		}
	}
	e.notify()
}

// slowLimit returns the time from which a call of a method is slow; known is false until
// another replica has enough calls to compare with. If took is below the floor, it
// returns the floor without comparing. The caller holds e.mu.
func (e *Ejector) slowLimit(addr, method string, took time.Duration) (limit time.Duration, known bool) {
	if took < e.cfg.SlowFloor {
		return e.cfg.SlowFloor, true
	}
	var usual []time.Duration
	e.others(addr, method, func(r *record) {
		if m, ok := r.median(); ok {
			usual = append(usual, m)
		}
	})
	if len(usual) == 0 {
		return 0, false
	}
	return max(e.cfg.SlowFloor, time.Duration(e.cfg.SlowFactor)*median(usual)), true
}

// eject takes addr off the list and starts to probe it, unless that would leave less than
// half of the list. The caller holds e.mu.
func (e *Ejector) eject(addr, method, reason string) {
	if (e.ejected+1)*2 > len(e.listed) || e.ctx.Err() != nil {
		return
	}
	ep := e.listed[addr]
	now := time.Now()
	if ep.ejections++; now.Sub(ep.readmitted) > relapse {
		ep.ejections = 1
	}
	ctx, stop := context.WithCancel(e.ctx)
	ep.stop, ep.reason, ep.method, ep.since = stop, reason, method, now
	e.ejected++
	e.cfg.Metrics.ejections.WithLabelValues(reason).Inc()
	e.cfg.Log.Info("replica ejected", "address", addr, "reason", reason, "method", method, "timesInARow", ep.ejections)
	e.notify()
	every := e.probeInterval(ep.ejections)
	e.probes.Go(func() { e.probeUntilHealthy(ctx, addr, every) })
}

// probeInterval returns the time between probes at the n-th ejection in a row.
func (e *Ejector) probeInterval(n int) time.Duration {
	every := e.cfg.ProbeInterval
	for range n - 1 {
		if every *= 2; every >= e.cfg.MaxProbeInterval {
			return e.cfg.MaxProbeInterval
		}
	}
	return every
}

// filter stores the list from DNS and returns it without the ejected addresses. It
// forgets an address that has left the list, as the next pod with that address is another
// replica.
func (e *Ejector) filter(addrs []string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.listed
	e.lists.Add(1)
	e.listed = make(map[string]*endpoint, len(addrs))
	for _, addr := range addrs {
		ep, ok := known[addr]
		if !ok {
			now := time.Now()
			ep = &endpoint{records: map[string]*record{}, firstListed: now, since: now}
		}
		delete(known, addr)
		e.listed[addr] = ep
	}
	for _, gone := range known {
		e.readmit(gone)
	}
	kept := make([]string, 0, len(addrs))
	for _, addr := range addrs {
		ep := e.listed[addr]
		if e.ejected*2 > len(addrs) { // the list has shrunk: at most half may be ejected
			e.readmit(ep)
		}
		if ep.stop == nil {
			kept = append(kept, addr)
		}
	}
	e.cfg.Metrics.ejected.Set(float64(e.ejected))
	return kept
}

// ListCount returns how many lists DNS has given so far; Listed has the addresses of the
// last.
func (e *Ejector) ListCount() int64 { return e.lists.Load() }

// Listed returns the addresses of the last DNS list, in no particular order.
func (e *Ejector) Listed() []Listed {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Listed, 0, len(e.listed))
	for addr, ep := range e.listed {
		list = append(list, Listed{Address: addr, Ejected: ep.reason, FirstListed: ep.firstListed, Since: ep.since})
	}
	return list
}

// readmit puts ep back on the list, without its past. The caller holds e.mu.
func (e *Ejector) readmit(ep *endpoint) {
	if ep.stop == nil {
		return
	}
	ep.stop()
	ep.stop, ep.reason, ep.method = nil, "", ""
	clear(ep.records)
	ep.readmitted = time.Now()
	ep.since = ep.readmitted
	e.ejected--
}

func (e *Ejector) probeUntilHealthy(ctx context.Context, addr string, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		took, err := e.probeOnce(ctx, addr)
		if err != nil {
			e.cfg.Log.V(1).Info("probe of ejected replica failed", "address", addr, "error", err.Error())
			continue
		}
		e.mu.Lock()
		if ctx.Err() != nil { // it left the list or was readmitted while the probe ran
			e.mu.Unlock()
			return
		}
		ep := e.listed[addr]
		if limit, known := e.slowLimit(addr, ep.method, took); known && took >= limit {
			e.mu.Unlock()
			e.cfg.Log.V(1).Info("probe of ejected replica was slow", "address", addr, "took", took.String())
			continue
		}
		e.readmit(ep)
		e.cfg.Metrics.readmissions.Inc()
		e.cfg.Log.Info("replica readmitted, probe succeeded", "address", addr)
		e.notify()
		e.mu.Unlock()
		return
	}
}

func (e *Ejector) probeOnce(ctx context.Context, addr string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.ProbeTimeout)
	defer cancel()
	return e.cfg.Probe(ctx, addr)
}

func (e *Ejector) notify() {
	select {
	case e.changed <- struct{}{}:
	default: // there is a token already
	}
}

// Close stops all probes and waits for them. No replica is ejected after it.
func (e *Ejector) Close() {
	e.mu.Lock()
	e.cancel() // under the lock, so that Report starts no probe after it
	e.mu.Unlock()
	e.probes.Wait()
}
