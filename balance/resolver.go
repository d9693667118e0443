package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
)

// builder builds the resolver of each client that is given the Balancer's DialOptions.
type builder struct{ balancer *Balancer }

// Scheme implements resolver.Builder.
func (builder) Scheme() string { return "dns" }

// Build implements resolver.Builder.
func (b builder) Build(t resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	tgt, err := parseTarget(t)
	if err != nil {
		return nil, err
	}
	lookup := newLookup(tgt.server)
	if ip, ok := tgt.literal(); ok {
		lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{ip}, nil }
	}
	return b.start(t.String(), tgt, lookup, cc), nil
}

func (b builder) start(name string, tgt target, lookup lookupFunc, cc resolver.ClientConn) *dnsResolver {
	ctx, cancel := context.WithCancel(context.Background())
	r := &dnsResolver{
		balancer:   b.balancer,
		cfg:        &b.balancer.cfg,
		pool:       b.balancer.open(name),
		target:     tgt,
		lookup:     lookup,
		cc:         cc,
		cancel:     cancel,
		resolveNow: make(chan struct{}, 1),
	}
	r.wg.Go(func() { r.watch(ctx) })
	return r
}

type dnsResolver struct {
	balancer   *Balancer
	cfg        *config
	pool       *pool
	target     target
	lookup     lookupFunc
	cc         resolver.ClientConn
	cancel     context.CancelFunc
	wg         sync.WaitGroup
	resolveNow chan struct{}

	// Owned by watch.
	addrs     []netip.AddrPort // last list from DNS; nil before the first, or when it is too old
	answered  time.Time        // when DNS returned them
	published [][]string       // what the policy has: the addresses of each replica
	trouble   string           // why the last lookup failed; "" if it did not
	without   int              // lookups in a row that left us without a list
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
	r.balancer.forget(r.pool)
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
			case <-r.pool.regroup:
				r.publish()
			case <-r.resolveNow:
				next.Reset(max(0, r.cfg.minInterval()-time.Since(last)))
			case <-next.C:
				waiting = false
			}
		}
	}
}

// pause returns the time until the next lookup. While there is no list it comes soon, but
// not as soon after a while: many clients may wait for a name that nobody has made yet.
func (r *dnsResolver) pause() time.Duration {
	every := r.cfg.interval
	if r.addrs != nil {
		r.without = 0
	} else {
		every = r.cfg.minInterval() << r.without
		r.without = min(r.without+1, 2)
	}
	return time.Duration(float64(every) * (0.9 + 0.2*rand.Float64()))
}

func (r *dnsResolver) lookUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.lookupTimeout)
	defer cancel()
	ips, err := r.lookup(ctx, r.target.host)
	switch {
	case err == nil:
		r.accept(ips)
	case errors.Is(err, ErrNoAddresses):
		r.acceptEmpty()
	case errors.Is(ctx.Err(), context.Canceled): // closed
	default:
		// A failed lookup says nothing about the replicas: keep the list, without a bound.
		r.report(LookupError, "DNS lookup failed", "error", err.Error())
		if r.addrs == nil {
			r.cc.ReportError(fmt.Errorf("look up %s: %w", r.target.host, err))
		}
	}
}

func (r *dnsResolver) accept(ips []netip.Addr) {
	addrs := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip, r.target.port)
	}
	if !slices.Equal(addrs, r.addrs) {
		r.cfg.log.Info("replicas changed", "name", r.target.host, "addresses", addrs)
	}
	r.addrs, r.answered, r.trouble = addrs, time.Now(), ""
	r.publish()
	r.pool.looked(LookupOK, "")
}

func (r *dnsResolver) acceptEmpty() {
	switch age := time.Since(r.answered); {
	case r.addrs == nil:
		r.report(LookupEmpty, "DNS name has no addresses")
		r.cc.ReportError(fmt.Errorf("look up %s: %w", r.target.host, ErrNoAddresses))
	case age < r.cfg.maxStale:
		r.report(LookupEmpty, "DNS name has no addresses, last list stays in use")
	default:
		r.addrs = nil
		r.publish()
		r.report(LookupEmpty, "DNS name has had no addresses for too long, list dropped", "ageSeconds", int(age.Seconds()))
	}
}

// report records a lookup that failed, and logs why, once until it changes.
func (r *dnsResolver) report(result LookupResult, trouble string, keysAndValues ...any) {
	r.pool.looked(result, trouble)
	if r.trouble == trouble {
		return
	}
	r.trouble = trouble
	r.cfg.log.Warn(trouble, append([]any{"name", r.target.host, "addresses", len(r.addrs)}, keysAndValues...)...)
}

// publish gives the policy the list, if it differs from the last: each update makes the
// child start over. What is suspected or ejected stays in the list; the policy knows.
func (r *dnsResolver) publish() {
	replicas := r.pool.list(r.addrs)
	list := make([][]string, len(replicas))
	state := resolver.State{Endpoints: make([]resolver.Endpoint, len(replicas)), Attributes: withPool(r.pool)}
	for i, replica := range replicas {
		list[i] = replica.addresses
		for _, addr := range replica.addresses {
			state.Endpoints[i].Addresses = append(state.Endpoints[i].Addresses, resolver.Address{Addr: addr})
		}
	}
	if r.published != nil && slices.EqualFunc(list, r.published, slices.Equal) {
		return
	}
	r.published = list
	// An error means that the policy wants a new list soon; it also calls ResolveNow.
	if err := r.cc.UpdateState(state); err != nil {
		r.cfg.log.Debug("list refused by the balancer", "name", r.target.host, "error", err.Error())
	}
	r.pool.endPublication()
}
