package discovery

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// A Probe asks the replica at addr (host:port) for its health. nil means that
// it may get readers' calls again.
type Probe func(ctx context.Context, addr string) error

// EjectorConfig says when a replica is taken off the list.
type EjectorConfig struct {
	Threshold     int           // timeouts in a row that eject
	ProbeInterval time.Duration // between probes of an ejected address
	ProbeTimeout  time.Duration // of one probe
	Probe         Probe
	Metrics       *Metrics
	Log           logr.Logger
}

// Ejector decides which of the discovered addresses are left out because their
// calls time out: health checks do not see a replica that answers them and
// hangs in everything else, and a retry cannot help once the deadline is spent.
// It never leaves out more than half, since then it is likelier that the caller
// or the network is at fault.
//
// It is safe for concurrent use. Close stops its probes and waits for them.
type Ejector struct {
	cfg     EjectorConfig
	changed chan struct{} // holds one token when the set of ejected addresses changed
	ctx     context.Context
	cancel  context.CancelFunc
	probes  sync.WaitGroup

	mu      sync.Mutex
	listed  map[string]*endpoint
	ejected int
}

// endpoint is what is known of one listed address.
type endpoint struct {
	timeouts int                // in a row
	stop     context.CancelFunc // of its probe; nil while it gets calls
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

// Report tells how a call to addr ended: whether it ran into its deadline, or
// came back with anything else, good or bad.
func (e *Ejector) Report(addr string, timedOut bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ep, ok := e.listed[addr]
	if !ok || ep.stop != nil {
		return
	}
	if !timedOut {
		ep.timeouts = 0
		return
	}
	ep.timeouts++
	if ep.timeouts < e.cfg.Threshold || (e.ejected+1)*2 > len(e.listed) || e.ctx.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(e.ctx)
	ep.stop = stop
	e.ejected++
	e.cfg.Metrics.ejections.Inc()
	e.cfg.Log.Info("replica ejected: its calls time out", "address", addr, "timeouts", ep.timeouts)
	e.notify()
	e.probes.Go(func() { e.probeUntilHealthy(ctx, addr) })
}

// filter takes the list as DNS has it and returns it without the ejected
// addresses. What is said of an address is forgotten when it leaves the list:
// the next pod that gets it is another one.
func (e *Ejector) filter(addrs []string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.listed
	e.listed = make(map[string]*endpoint, len(addrs))
	for _, addr := range addrs {
		ep, ok := known[addr]
		if !ok {
			ep = &endpoint{}
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

// readmit makes ep take calls again. The caller holds e.mu.
func (e *Ejector) readmit(ep *endpoint) {
	if ep.stop == nil {
		return
	}
	ep.stop()
	ep.stop = nil
	ep.timeouts = 0
	e.ejected--
}

func (e *Ejector) probeUntilHealthy(ctx context.Context, addr string) {
	tick := time.NewTicker(e.cfg.ProbeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := e.probeOnce(ctx, addr); err != nil {
			e.cfg.Log.V(1).Info("ejected replica is still sick", "address", addr, "error", err.Error())
			continue
		}
		e.mu.Lock()
		// Off the list, or readmitted by the panic limit, while the probe ran?
		if ctx.Err() == nil {
			e.readmit(e.listed[addr])
			e.cfg.Metrics.readmissions.Inc()
			e.cfg.Log.Info("replica readmitted: it answers health checks", "address", addr)
			e.notify()
		}
		e.mu.Unlock()
		return
	}
}

func (e *Ejector) probeOnce(ctx context.Context, addr string) error {
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
