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
	// Interval is how often DNS is asked, ±10 % so that many clients do not ask
	// in step. A connection that drops brings the next question forward.
	Interval time.Duration
	// MinInterval is the shortest time between two questions.
	MinInterval time.Duration
	// LookupTimeout bounds one question.
	LookupTimeout time.Duration
	// MaxStale is how long empty answers leave the last good list in place. It
	// is bounded because the addresses of pods are used again by others.
	MaxStale time.Duration

	Ejector *Ejector
	Metrics *Metrics
	Log     logr.Logger
}

// Builder makes the resolver of one client. Pass it by grpc.WithResolvers.
type Builder struct {
	cfg       Config
	newLookup func(server string) lookupFunc
	trouble   *atomic.Pointer[string] // of the resolver
}

// NewBuilder returns a Builder. All fields of cfg must be set.
func NewBuilder(cfg Config) *Builder {
	return &Builder{cfg: cfg, newLookup: newLookup, trouble: &atomic.Pointer[string]{}}
}

// Look returns how long ago DNS last gave addresses, negative before the first,
// and what it did wrong since; "" for nothing.
func (b *Builder) Look() (age time.Duration, trouble string) {
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
	addrs     []string  // as DNS has them; nil before the first good answer
	answered  time.Time // when it gave them
	published []string  // what the balancer has

	trouble *atomic.Pointer[string] // what DNS did wrong last time, so that it is logged once
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

// watch asks DNS until ctx ends.
func (r *dnsResolver) watch(ctx context.Context) {
	for {
		r.ask(ctx)
		asked := time.Now()
		next := time.NewTimer(r.pause())
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				next.Stop()
				return
			case <-r.cfg.Ejector.changed:
				r.publish()
			case <-r.resolveNow:
				next.Reset(max(0, r.cfg.MinInterval-time.Since(asked)))
			case <-next.C:
				waiting = false
			}
		}
	}
}

// pause returns the time to the next question. Without a list there is nothing
// to serve from, so the next try comes soon.
func (r *dnsResolver) pause() time.Duration {
	if r.addrs == nil {
		return r.cfg.MinInterval
	}
	return time.Duration(float64(r.cfg.Interval) * (0.9 + 0.2*rand.Float64()))
}

func (r *dnsResolver) ask(ctx context.Context) {
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
		// No answer says nothing about the replicas: keep what there is for as
		// long as it lasts.
		r.cfg.Metrics.lookups.WithLabelValues("error").Inc()
		r.report("DNS does not answer", "error", err.Error())
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
		r.report("DNS has no addresses")
		r.cc.ReportError(fmt.Errorf("look up %s: %w", r.target.host, errEmpty))
	case age < r.cfg.MaxStale:
		r.cfg.Metrics.emptyIgnored.Inc()
		r.report("DNS has no addresses; the last good list stays")
	default:
		r.report("DNS has had no addresses for too long; the list is dropped", "ageSeconds", int(age.Seconds()))
		r.addrs = nil
		r.publish()
	}
}

// report logs what is wrong with DNS, once until it changes.
func (r *dnsResolver) report(trouble string, keysAndValues ...any) {
	if last := r.trouble.Swap(&trouble); last != nil && *last == trouble {
		return
	}
	r.cfg.Log.Info(trouble, append([]any{"name", r.target.host, "addresses", len(r.addrs)}, keysAndValues...)...)
}

// publish gives the balancer the list without the ejected addresses, if that
// differs from what it has: each update makes it start its round anew.
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
	// The error says that the balancer wants another list sooner; that is asked
	// for by ResolveNow as well.
	if err := r.cc.UpdateState(state); err != nil {
		r.cfg.Log.V(1).Info("balancer refused the list", "name", r.target.host, "error", err.Error())
	}
}
