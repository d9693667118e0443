package balance

import (
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// conn is one connection of a replica, as the child policy sees it.
type conn struct {
	balancer.SubConn
	policy  *policy
	address string   // host:port
	replica *replica // nil if the address left the list meanwhile

	health balancer.SubConnState // last from gRPC; of the policy's queue alone

	mu       sync.Mutex
	listener func(balancer.SubConnState) // the child's, for health; nil unless it is connected

	name atomic.Pointer[string] // the replica's name in its last answer over it; nil before
}

var errOut = errors.New("balance: the replica is suspected or ejected")

// stateChanged passes a connection state on to the child. It runs on the policy's queue.
func (c *conn) stateChanged(s balancer.SubConnState, child func(balancer.SubConnState)) {
	c.health = balancer.SubConnState{ConnectivityState: connectivity.Connecting}
	c.setListener(nil) // the child registers another once the connection is ready
	c.policy.mu.Lock()
	child(s)
	c.policy.mu.Unlock()
	status := Connecting
	if s.ConnectivityState == connectivity.Ready && !c.listens() {
		status = Serving // a child that does not ask for health
		c.policy.pool.startSlowly(c)
	}
	c.policy.pool.connChanged(c, s.ConnectivityState, status)
}

// RegisterHealthListener implements balancer.SubConn. The child calls it with a lock of its
// own held.
func (c *conn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	c.setListener(listener)
	if listener == nil {
		c.SubConn.RegisterHealthListener(nil)
		return
	}
	c.SubConn.RegisterHealthListener(func(s balancer.SubConnState) {
		c.policy.events.put(func() { c.healthChanged(s) })
	})
}

// healthChanged takes a health state from gRPC. It runs on the policy's queue.
func (c *conn) healthChanged(s balancer.SubConnState) {
	if !c.listens() {
		return // of a connection that is lost
	}
	c.health = s
	status := Connecting
	switch s.ConnectivityState {
	case connectivity.Ready:
		status = Serving
	case connectivity.TransientFailure:
		status = NotServing
	default: // the health check has no answer yet
	}
	if status == Serving {
		c.policy.pool.startSlowly(c) // before it receives its first call
	}
	c.tellChild()
	c.policy.pool.connChanged(c, connectivity.Ready, status) // after it: the child's picker knows
}

// tellChild tells the child whether the connection may be used. It runs on the policy's queue.
func (c *conn) tellChild() {
	c.mu.Lock()
	listener := c.listener
	c.mu.Unlock()
	if listener == nil {
		return
	}
	s := c.health
	if c.replica != nil && c.replica.out.Load() {
		s = balancer.SubConnState{ConnectivityState: connectivity.TransientFailure, ConnectionError: errOut}
	}
	c.policy.mu.Lock()
	listener(s)
	c.policy.mu.Unlock()
}

// Shutdown implements balancer.SubConn.
func (c *conn) Shutdown() {
	c.policy.pool.connRemoved(c)
	c.SubConn.Shutdown()
}

func (c *conn) setListener(l func(balancer.SubConnState)) {
	c.mu.Lock()
	c.listener = l
	c.mu.Unlock()
}

func (c *conn) listens() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listener != nil
}

// calls returns a way to make calls over this connection and no other, for probes. They
// pass by interceptors and stats handlers. The caller must call done.
func (c *conn) calls() (cc grpc.ClientConnInterface, done func()) {
	p, done := c.GetOrBuildProducer(callsBuilder{})
	cc, _ = p.(grpc.ClientConnInterface)
	return cc, done
}

// callsBuilder gives out what gRPC hands to a balancer.ProducerBuilder.
type callsBuilder struct{}

// Build implements balancer.ProducerBuilder.
func (callsBuilder) Build(cc any) (balancer.Producer, func()) { return cc, func() {} }
