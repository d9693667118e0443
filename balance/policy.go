package balance

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// policyName is this package's import path, so that copies of the package in one program
// do not replace each other in gRPC's registry.
var policyName = strings.ToLower(reflect.TypeFor[policyBuilder]().PkgPath())

// gRPC finds policies in a global registry, to be filled before the first client is made.
// What differs between clients comes with the resolver's list.
func init() { balancer.Register(policyBuilder{}) } //nolint:gochecknoinits // this registry is filled from init

// poolKey is the attribute of a resolver's list that has its pool.
type poolKey struct{}

func withPool(p *pool) *attributes.Attributes { return attributes.New(poolKey{}, p) }

type policyBuilder struct{}

// policyConfig is the configuration of the policy: that of its child.
type policyConfig struct {
	serviceconfig.LoadBalancingConfig
	child childConfig
}

type childConfig struct {
	builder balancer.Builder
	config  serviceconfig.LoadBalancingConfig
}

// Name implements balancer.Builder.
func (policyBuilder) Name() string { return policyName }

// ParseConfig implements balancer.ConfigParser.
func (policyBuilder) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	var parsed struct {
		ChildPolicy []map[string]json.RawMessage `json:"childPolicy"`
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		return nil, fmt.Errorf("balance: %w", err)
	}
	for _, choice := range parsed.ChildPolicy {
		for name, config := range choice {
			child, err := parseChild(name, config)
			if err != nil {
				return nil, fmt.Errorf("balance: %w", err)
			}
			return policyConfig{child: child}, nil
		}
	}
	return nil, errors.New("balance: no childPolicy")
}

// Build implements balancer.Builder.
func (policyBuilder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	p := &policy{ClientConn: cc, options: opts, events: newQueue()}
	go p.events.run()
	return p
}

// policy is a balancer around the child policy of one client. It stands between the child
// and its connections: it sees the state of each, and tells the child that one is unhealthy
// as long as its replica is out, which leaves the connection open.
//
// States of connections, and changes of what is out, reach the child through one queue, in
// order. gRPC's own calls come from a goroutine of gRPC; mu keeps the two apart.
type policy struct {
	balancer.ClientConn // towards gRPC
	options             balancer.BuildOptions
	events              *queue

	mu    sync.Mutex
	child balancer.Balancer // nil before the first list
	pool  *pool
}

var errForeignList = errors.New("balance: the list of replicas is not from this package's resolver: use a target with the scheme dns, and all of DialOptions")

// UpdateClientConnState implements balancer.Balancer.
func (p *policy) UpdateClientConnState(s balancer.ClientConnState) error {
	pool, _ := s.ResolverState.Attributes.Value(poolKey{}).(*pool)
	config, ok := s.BalancerConfig.(policyConfig)
	if pool == nil || !ok {
		p.ResolverError(errForeignList)
		return balancer.ErrBadResolverState
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		p.pool = pool // that of the client, which stays the same
		p.child = config.child.builder.Build(p, p.options)
	}
	return p.child.UpdateClientConnState(balancer.ClientConnState{ResolverState: s.ResolverState, BalancerConfig: config.child.config})
}

// ResolverError implements balancer.Balancer.
func (p *policy) ResolverError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		p.child.ResolverError(err)
		return
	}
	p.ClientConn.UpdateState(balancer.State{
		ConnectivityState: connectivity.TransientFailure,
		Picker:            base.NewErrPicker(fmt.Errorf("name resolver error: %w", err)),
	})
}

// UpdateSubConnState implements balancer.Balancer; gRPC does not call it.
func (p *policy) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle implements balancer.Balancer.
func (p *policy) ExitIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		p.child.ExitIdle()
	}
}

// Close implements balancer.Balancer.
func (p *policy) Close() {
	p.events.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		p.child.Close()
	}
}

// NewSubConn implements balancer.ClientConn. The child calls it while p.mu is held.
func (p *policy) NewSubConn(addresses []resolver.Address, options balancer.NewSubConnOptions) (balancer.SubConn, error) {
	c := &conn{policy: p, address: addresses[0].Addr, replica: p.pool.at(addresses[0].Addr)}
	listener := options.StateListener
	options.StateListener = func(s balancer.SubConnState) {
		p.events.put(func() { c.stateChanged(s, listener) })
	}
	sc, err := p.ClientConn.NewSubConn(addresses, options) //nolint:staticcheck // there is no other way; what is deprecated is several addresses
	if err != nil {
		return nil, err
	}
	c.SubConn = sc
	p.pool.connAdded(c)
	return c, nil
}

// RemoveSubConn implements balancer.ClientConn.
func (p *policy) RemoveSubConn(sc balancer.SubConn) { sc.Shutdown() }

// UpdateAddresses implements balancer.ClientConn.
func (p *policy) UpdateAddresses(sc balancer.SubConn, addresses []resolver.Address) {
	if c, ok := sc.(*conn); ok {
		sc = c.SubConn
	}
	p.ClientConn.UpdateAddresses(sc, addresses) //nolint:staticcheck // a child may still call it
}

// UpdateState implements balancer.ClientConn.
func (p *policy) UpdateState(s balancer.State) {
	if s.ConnectivityState == connectivity.Ready {
		s.Picker = picker{child: s.Picker, pool: p.pool}
	}
	p.ClientConn.UpdateState(s)
}

// queue runs functions one after another, on one goroutine.
type queue struct {
	mu      sync.Mutex
	waiting []func()
	wake    chan struct{} // holds one token when there may be work
	closing chan struct{}
	ended   chan struct{}
	once    sync.Once
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{})}
}

// put adds f, without blocking. After close it has no effect.
func (q *queue) put(f func()) {
	q.mu.Lock()
	q.waiting = append(q.waiting, f)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) run() {
	defer close(q.ended)
	for {
		select {
		case <-q.closing:
			return
		case <-q.wake:
		}
		q.mu.Lock()
		work := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		for _, f := range work {
			select {
			case <-q.closing:
				return
			default:
				f()
			}
		}
	}
}

// close ends the queue and waits for the function that runs.
func (q *queue) close() {
	q.once.Do(func() { close(q.closing) })
	<-q.ended
}
