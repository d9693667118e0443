package balance

import (
	"errors"
	"slices"
	"sync"

	"google.golang.org/grpc"
)

// A Balancer spreads the calls of gRPC clients over the replicas behind a DNS name. Give
// the DialOptions of one Balancer to each client. It is safe for concurrent use.
//
// A Balancer that is given to several clients keeps their replicas apart, also if their
// targets are the same: each client has its own connections, so what a replica does on one
// says nothing about the other. They share the options, and Close.
type Balancer struct {
	cfg           config
	serviceConfig string

	mu     sync.Mutex
	pools  []*pool // one for each client, in the order in which they were made
	closed bool
}

// New returns a Balancer. Without options it looks DNS up every two seconds, watches the
// health of the whole server, ejects, and uses round_robin. An error wraps ErrOption.
func New(options ...Option) (*Balancer, error) {
	cfg, err := newConfig(options)
	if err != nil {
		return nil, err
	}
	sc, err := cfg.buildServiceConfig()
	if err != nil {
		return nil, err
	}
	return &Balancer{cfg: cfg, serviceConfig: sc}, nil
}

// DialOptions returns what grpc.NewClient needs besides credentials:
//
//   - the resolver, for this client alone;
//   - a service config with this package's policy, the health check, and what
//     WithServiceConfig adds; none is taken from DNS, which saves two TXT lookups;
//   - no proxy, which would hide the replicas;
//   - no idle timeout, so that a client without calls stays connected;
//   - interceptors that tell streams from unary calls and read names from answers.
//
// Options that follow them may replace each of these. The slice is the caller's.
func (b *Balancer) DialOptions() []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithResolvers(builder{b}),
		grpc.WithDefaultServiceConfig(b.serviceConfig),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		grpc.WithChainStreamInterceptor(markStream),
	}
	if b.cfg.servedBy != nil {
		options = append(options, grpc.WithChainUnaryInterceptor(b.readName))
	}
	return options
}

// Replicas returns the replicas of all clients, in the order of Snapshots.
func (b *Balancer) Replicas() []Replica {
	var all []Replica
	for _, s := range b.Snapshots() {
		all = append(all, s.Replicas...)
	}
	return all
}

// Snapshots returns what is known about the replicas of each open client, in the order in
// which the clients were made.
func (b *Balancer) Snapshots() []Snapshot {
	b.mu.Lock()
	pools := slices.Clone(b.pools)
	b.mu.Unlock()
	list := make([]Snapshot, len(pools))
	for i, p := range pools {
		list[i] = p.snapshot()
	}
	return list
}

// Close ends ejection and waits for the probes to end. Clients that are still open go on
// without it; ejected replicas receive calls again. Close the clients as well: in either
// order.
func (b *Balancer) Close() {
	b.mu.Lock()
	b.closed = true
	pools := slices.Clone(b.pools)
	b.mu.Unlock()
	for _, p := range pools {
		p.stopEjection()
	}
}

// open adds the pool of a client.
func (b *Balancer) open(target string) *pool {
	p := newPool(&b.cfg, target)
	b.mu.Lock()
	b.pools = append(b.pools, p)
	closed := b.closed
	b.mu.Unlock()
	if closed {
		p.stopEjection()
	}
	return p
}

// forget removes the pool of a client that is closed.
func (b *Balancer) forget(p *pool) {
	b.mu.Lock()
	b.pools = slices.DeleteFunc(b.pools, func(other *pool) bool { return other == p })
	b.mu.Unlock()
	p.close()
}

// Errors to test for with errors.Is.
var (
	// ErrOption means that New was given an option that cannot work.
	ErrOption = errors.New("balance: invalid option")
	// ErrTarget means that a dial target is not dns:///NAME:PORT or dns://SERVER/NAME:PORT.
	ErrTarget = errors.New("invalid target")
	// ErrNoAddresses means that DNS answered that the name has no addresses. Any other error
	// of a lookup means that DNS did not answer.
	ErrNoAddresses = errors.New("the name has no addresses")
)
