package discovery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/resolver"
)

// Config sets up a Builder.
type Config struct {
	// Interval is the time between lookups, ±10 % so that clients do not query in step.
	// A broken connection brings the next lookup forward.
	Interval time.Duration
	// MinInterval is the shortest time between two lookups, and the time between them
	// while there is no list.
	MinInterval time.Duration
	// LookupTimeout bounds one lookup.
	LookupTimeout time.Duration
	// MaxStale is how long the last list stays in use while answers are empty, counted
	// from the last answer with addresses. It is bounded because other pods are given
	// the same addresses later.
	MaxStale time.Duration

	Ejector *Ejector // must not be shared with another Builder
	Metrics *Metrics
	Log     logr.Logger
}

// Builder builds the resolver of one client; pass it with grpc.WithResolvers.
type Builder struct {
	cfg       Config
	newLookup func(server string) lookupFunc
	trouble   *atomic.Pointer[string] // shared with the resolver
}

// NewBuilder returns a Builder. All fields of cfg must be set.
func NewBuilder(cfg Config) *Builder {
	return &Builder{cfg: cfg, newLookup: newLookup, trouble: &atomic.Pointer[string]{}}
}

// Status returns the time since DNS last returned addresses, negative before the first,
// and why the last lookup failed; "" if it did not. It is safe for concurrent use.
func (b *Builder) Status() (age time.Duration, trouble string) {
	if t := b.trouble.Load(); t != nil {
		trouble = *t
	}
	return b.cfg.Metrics.listAge(), trouble
}

// Scheme implements resolver.Builder.
func (b *Builder) Scheme() string { return "dns" }

// Build implements resolver.Builder.
func (b *Builder) Build(t resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	tgt, err := parseTarget(t)
	if err != nil {
		return nil, err
	}
	lookup := b.newLookup(tgt.server)
	if ip, ok := tgt.literal(); ok {
		lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{ip}, nil }
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &dnsResolver{
		cfg:        b.cfg,
		target:     tgt,
		lookup:     lookup,
		cc:         cc,
		cancel:     cancel,
		resolveNow: make(chan struct{}, 1),
		trouble:    b.trouble,
	}
	r.wg.Go(func() { r.watch(ctx) })
	return r, nil
}

type dnsResolver struct {
	cfg        Config
	target     target
	lookup     lookupFunc
	cc         resolver.ClientConn
	cancel     context.CancelFunc
	wg         sync.WaitGroup
	resolveNow chan struct{}

	// Owned by watch.
	addrs     []string  // last list from DNS; nil before the first, or when it is too old
	answered  time.Time // when DNS returned them
	published []string  // what the balancer has

	trouble *atomic.Pointer[string] // why the last lookup failed; nil if it did not
}

// ResolveNow implements resolver.Resolver.
func (r *dnsResolver) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case r.resolveNow <- struct{}{}:
	default:
	}
}

// Close implements resolver.Resolver.
func (r *dnsResolver) Close() {
	r.cancel()
	r.wg.Wait()
}

// watch repeats the lookup until ctx ends.
func (r *dnsResolver) watch(ctx context.Context) {
	for {
		r.lookUp(ctx)
		last := time.Now()
		next := time.NewTimer(r.pause())
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				next.Stop()
				return
			case <-r.cfg.Ejector.changed:
				r.publish()
			case <-r.resolveNow:
				next.Reset(max(0, r.cfg.MinInterval-time.Since(last)))
			case <-next.C:
				waiting = false
			}
		}
	}
}

// pause returns the time until the next lookup, which comes soon while there is no list.
func (r *dnsResolver) pause() time.Duration {
	if r.addrs == nil {
		return r.cfg.MinInterval
	}
	return time.Duration(float64(r.cfg.Interval) * (0.9 + 0.2*rand.Float64()))
}

func (r *dnsResolver) lookUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.LookupTimeout)
	defer cancel()
	ips, err := r.lookup(ctx, r.target.host)
	switch {
	case err == nil:
		r.cfg.Metrics.lookups.WithLabelValues("ok").Inc()
		r.accept(ips)
	case errors.Is(err, errEmpty):
		r.cfg.Metrics.lookups.WithLabelValues("empty").Inc()
		r.acceptEmpty()
	case errors.Is(ctx.Err(), context.Canceled): // closed
	default:
		// A failed lookup says nothing about the replicas: keep the list, without a bound.
		r.cfg.Metrics.lookups.WithLabelValues("error").Inc()
		r.report("DNS lookup failed", "error", err.Error())
		if r.addrs == nil {
			r.cc.ReportError(fmt.Errorf("look up %s: %w", r.target.host, err))
		}
	}
}

func (r *dnsResolver) accept(ips []netip.Addr) {
	addrs := make([]string, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip, r.target.port).String()
	}
	if !slices.Equal(addrs, r.addrs) {
		r.cfg.Log.Info("replicas changed", "name", r.target.host, "addresses", addrs)
	}
	r.addrs = addrs
	r.trouble.Store(nil)
	r.answered = time.Now()
	r.cfg.Metrics.answered.Store(r.answered.UnixNano())
	r.publish()
}

func (r *dnsResolver) acceptEmpty() {
	switch age := time.Since(r.answered); {
	case r.addrs == nil:
		r.report("DNS name has no addresses")
		r.cc.ReportError(fmt.Errorf("look up %s: %w", r.target.host, errEmpty))
	case age < r.cfg.MaxStale:
		r.cfg.Metrics.emptyIgnored.Inc()
		r.report("DNS name has no addresses, last list stays in use")
	default:
		r.report("DNS name has had no addresses for too long, list dropped", "ageSeconds", int(age.Seconds()))
		r.addrs = nil
		r.publish()
	}
}

// report logs why a lookup failed, once until it changes.
func (r *dnsResolver) report(trouble string, keysAndValues ...any) {
	if last := r.trouble.Swap(&trouble); last != nil && *last == trouble {
		return
	}
	r.cfg.Log.Info(trouble, append([]any{"name", r.target.host, "addresses", len(r.addrs)}, keysAndValues...)...)
}

// publish gives the balancer the list without the ejected addresses, if it differs from
// the last: each update makes round_robin start over.
func (r *dnsResolver) publish() {
	kept := r.cfg.Ejector.filter(r.addrs)
	r.cfg.Metrics.endpoints.Set(float64(len(kept)))
	if r.published != nil && slices.Equal(kept, r.published) {
		return
	}
	r.published = kept
	state := resolver.State{Endpoints: make([]resolver.Endpoint, len(kept))}
	for i, addr := range kept {
		state.Endpoints[i].Addresses = []resolver.Address{{Addr: addr}}
	}
	// An error means that the balancer wants a new list soon; it also calls ResolveNow.
	if err := r.cc.UpdateState(state); err != nil {
		r.cfg.Log.V(1).Info("list refused by the balancer", "name", r.target.host, "error", err.Error())
	}
}
