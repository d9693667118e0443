package discovery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// A Probe asks the replica at addr (host:port) for its health, and makes a call
// that costs little. It returns how long that call took; an error means that the
// replica may not get readers' calls yet.
type Probe func(ctx context.Context, addr string) (took time.Duration, err error)

// EjectorConfig says when a replica is taken off the list. All fields must be set.
type EjectorConfig struct {
	// Threshold is how many calls of one method must end badly in a row.
	Threshold int
	// A call is slow if it takes SlowFloor or more, and SlowFactor times as long
	// as is usual at the other replicas. SlowThreshold of them in a row, begun
	// over SlowSpan at least, eject: a moment that holds up many calls at once
	// does not.
	SlowFloor     time.Duration
	SlowFactor    int
	SlowThreshold int
	SlowSpan      time.Duration
	// ProbeInterval is the time between probes of an ejected address. It doubles,
	// up to MaxProbeInterval, each time that one is ejected again within a minute
	// of its return.
	ProbeInterval    time.Duration
	MaxProbeInterval time.Duration
	ProbeTimeout     time.Duration // of one probe
	Probe            Probe
	Metrics          *Metrics
	Log              logr.Logger
}

// relapse is how soon after its return an ejection is one more of the same.
const relapse = time.Minute

// Reasons why a replica is ejected.
const (
	ReasonErrors   = "errors"
	ReasonTimeouts = "timeouts"
	ReasonSlow     = "slow"
)

// Result is what the end of a call says of the replica.
type Result int

// The results.
const (
	Good     Result = iota // it answered, whatever the answer is
	Failed                 // it failed
	TimedOut               // it did not answer in time
)

// Ending is how a call ended.
type Ending struct {
	Method string // calls of one method are compared with each other
	Result Result
	Began  time.Time
	Took   time.Duration // 0 where it says nothing, as of a stream
}

// Ejector decides which of the discovered addresses are left out because they fail
// calls, let them time out, or are slow. Health checks do not see a replica that
// answers them and is sick in everything else, and a retry cannot help once the
// deadline is spent.
//
// What a replica does is held against what the others do with the same method at
// the same time: when all do badly, it is the call, the database or the network,
// and none is ejected. More than half never are, and none without another one that
// answers meanwhile.
//
// It is safe for concurrent use. Close stops its probes and waits for them.
type Ejector struct {
	cfg     EjectorConfig
	changed chan struct{} // holds one token when the set of ejected addresses changed
	ctx     context.Context
	cancel  context.CancelFunc
	probes  sync.WaitGroup
	lists   atomic.Int64 // how many lists came

	mu      sync.Mutex
	listed  map[string]*endpoint
	ejected int
}

// endpoint is what is known of one listed address.
type endpoint struct {
	records map[string]*record // by method
	named   time.Time          // when DNS named it
	since   time.Time          // when it was listed, ejected or readmitted last

	// Of an ejected one.
	stop   context.CancelFunc // of its probe; nil while it gets calls
	reason string
	method string // that it was ejected for

	ejections  int       // in a row, each soon after a return
	readmitted time.Time // last
}

// Listed is an address that DNS names.
type Listed struct {
	Address string
	Ejected string    // the reason; "" while it gets calls
	Named   time.Time // when DNS named it first; anew for one that was away
	Since   time.Time // when it was listed, ejected or readmitted last
}

// NewEjector returns an ejector that knows no addresses yet.
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

// Report tells how a call to addr ended.
func (e *Ejector) Report(addr string, end Ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ep, ok := e.listed[addr]
	if !ok || ep.stop != nil || end.Began.Before(ep.readmitted) { // of before its return, it says nothing new
		return
	}
	r := ep.record(end.Method)
	if end.Result != Good {
		if r.bad == 0 {
			r.badFrom = end.Began
		}
		if r.bad++; r.bad >= e.cfg.Threshold && e.othersWell(addr, end.Method, r.badFrom) {
			e.eject(addr, end.Method, map[Result]string{Failed: ReasonErrors, TimedOut: ReasonTimeouts}[end.Result])
		}
		return
	}
	r.bad, r.good = 0, time.Now()
	if end.Took == 0 {
		return
	}
	r.add(end.Took)
	switch limit, known := e.slowLimit(addr, end.Method, end.Took); {
	case !known || end.Took < limit:
		r.slow = 0
		return
	case r.slow == 0:
		r.slowFrom = end.Began
	}
	if r.slow++; r.slow >= e.cfg.SlowThreshold && end.Began.Sub(r.slowFrom) >= e.cfg.SlowSpan &&
		e.othersWell(addr, end.Method, r.slowFrom) {
		e.eject(addr, end.Method, ReasonSlow)
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

// others calls do with what is known of a method at each replica that gets calls,
// but addr. The caller holds e.mu.
func (e *Ejector) others(addr, method string, do func(*record)) {
	for other, ep := range e.listed {
		if other != addr && ep.stop == nil {
			do(ep.record(method))
		}
	}
}

// othersWell reports whether half of the other replicas and more, and at least
// one, have answered a method since a time, and did so well and soon. One that is
// gone, or not serving, has not. The caller holds e.mu.
func (e *Ejector) othersWell(addr, method string, since time.Time) bool {
	var all, well int
	e.others(addr, method, func(r *record) {
		if all++; r.bad == 0 && r.slow == 0 && !r.good.Before(since) {
			well++
		}
	})
	return well > 0 && well*2 >= all
}

// NoneServes tells that a call found no replica to go to. Better a sick one then
// than none: all that are ejected get calls again.
func (e *Ejector) NoneServes() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ejected == 0 {
		return
	}
	for addr, ep := range e.listed {
		if ep.stop != nil {
			e.readmit(ep)
			e.cfg.Log.Info("replica readmitted: no other serves", "address", addr)
		}
	}
	e.notify()
}

// slowLimit returns what is slow for a call of a method, once enough is known of
// it at other replicas. A call that took less than the floor is not looked into.
// The caller holds e.mu.
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

// eject takes addr off the list and probes it, unless that would leave less than
// half. The caller holds e.mu.
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
	e.probes.Go(func() { e.probeUntilWell(ctx, addr, every) })
}

// probeInterval returns the time between probes of a replica that is ejected for
// the n-th time in a row.
func (e *Ejector) probeInterval(n int) time.Duration {
	every := e.cfg.ProbeInterval
	for range n - 1 {
		if every *= 2; every >= e.cfg.MaxProbeInterval {
			return e.cfg.MaxProbeInterval
		}
	}
	return every
}

// filter takes the list as DNS has it and returns it without the ejected
// addresses. What is said of an address is forgotten when it leaves the list:
// the next pod that gets it is another one.
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
			ep = &endpoint{records: map[string]*record{}, named: now, since: now}
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
		if e.ejected*2 > len(addrs) { // the list shrank below the panic limit
			e.readmit(ep)
		}
		if ep.stop == nil {
			kept = append(kept, addr)
		}
	}
	e.cfg.Metrics.ejected.Set(float64(e.ejected))
	return kept
}

// Lists is how many lists came from DNS. What Listed returns is of the last.
func (e *Ejector) Lists() int64 { return e.lists.Load() }

// Listed returns the addresses that DNS names, in no order.
func (e *Ejector) Listed() []Listed {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Listed, 0, len(e.listed))
	for addr, ep := range e.listed {
		list = append(list, Listed{Address: addr, Ejected: ep.reason, Named: ep.named, Since: ep.since})
	}
	return list
}

// readmit makes ep take calls again, as one of which nothing is known. The caller
// holds e.mu.
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

func (e *Ejector) probeUntilWell(ctx context.Context, addr string, every time.Duration) {
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
			e.cfg.Log.V(1).Info("ejected replica is still sick", "address", addr, "error", err.Error())
			continue
		}
		e.mu.Lock()
		if ctx.Err() != nil { // off the list, or readmitted by the panic limit, while the probe ran
			e.mu.Unlock()
			return
		}
		ep := e.listed[addr]
		if limit, known := e.slowLimit(addr, ep.method, took); known && took >= limit {
			e.mu.Unlock()
			e.cfg.Log.V(1).Info("ejected replica is still slow", "address", addr, "took", took.String())
			continue
		}
		e.readmit(ep)
		e.cfg.Metrics.readmissions.Inc()
		e.cfg.Log.Info("replica readmitted: it answers a probe", "address", addr)
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
	default: // a token is there already
	}
}

// Close ends all probes.
func (e *Ejector) Close() {
	e.mu.Lock()
	e.cancel() // under the lock, so that Report starts no probe after it
	e.mu.Unlock()
	e.probes.Wait()
}
