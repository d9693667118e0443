package balance

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/connectivity"
)

// goneFor is how long a replica stays in the snapshot after it left DNS.
const goneFor = time.Minute

// pool is the replicas of one client: which there are, which of them may receive calls,
// and why not.
//
// Its lock is taken for changes and for calls that ended badly; a call that ended well
// takes the lock of its replica alone. The lock of a pool is taken before that of a replica.
type pool struct {
	cfg    *config
	target string
	// probe probes a replica; tests replace it.
	probe func(context.Context, *replica) (time.Duration, error)

	size    atomic.Int64  // number of replicas listed
	ramping atomic.Int64  // number of replicas in slow start
	picks   atomic.Int64  // calls while there were any in slow start
	regroup chan struct{} // holds one token when names say that the list must be published anew

	ctx    context.Context // ends with ejection
	cancel context.CancelFunc
	probes sync.WaitGroup

	mu       sync.Mutex
	listed   []*replica
	byAddr   map[string]*replica // a replica has an entry for each address
	gone     []*replica          // left DNS less than goneFor ago
	names    map[string]string   // names that listed addresses answered with
	families bool                // the list has IPv4 and IPv6 addresses
	out      int                 // number of listed replicas that are suspected or ejected
	answered time.Time           // when DNS last returned addresses; zero for never
	trouble  string              // why the last lookup failed; "" if it did not
	unused   bool                // whether the log says that no replica is used
}

func newPool(cfg *config, target string) *pool {
	p := &pool{cfg: cfg, target: target, byAddr: map[string]*replica{}, names: map[string]string{}, regroup: make(chan struct{}, 1)}
	p.probe = p.probeConn
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if !cfg.eject {
		p.cancel()
	}
	return p
}

// list takes the list from DNS, in which addresses are unique, and returns the replicas. It
// forgets an address that has left the list, as the next pod with that address is another
// replica.
func (p *pool) list(addresses []netip.AddrPort) []*replica {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	groups := p.group(addresses)
	kept := map[*replica]bool{}
	listed := make([]*replica, len(groups))
	byAddr := make(map[string]*replica, len(addresses))
	for i, group := range groups {
		var r *replica
		for _, a := range group { // a replica that is found to have two addresses goes on as one of them
			if old := p.byAddr[a]; r == nil && old != nil && !kept[old] {
				r = old
			}
		}
		if r == nil {
			r = newReplica(group, now)
			p.changed(r, "")
		}
		r.addresses = group
		kept[r], listed[i] = true, r
		for _, a := range group {
			byAddr[a] = r
		}
	}
	for _, r := range p.listed {
		if !kept[r] {
			p.readmit(r, "")
			r.left = now
			p.changed(r, "")
			p.gone = append(p.gone, r)
		}
	}
	p.listed, p.byAddr = listed, byAddr
	for a := range p.names {
		if byAddr[a] == nil {
			delete(p.names, a)
		}
	}
	p.size.Store(int64(len(listed)))
	for _, r := range listed { // the list has shrunk: at most half may be out
		if p.out*2 > p.used() {
			p.readmit(r, ReasonNeeded)
		}
	}
	p.forgetGone(now)
	p.readmitIfNoneServes()
	return slices.Clone(listed)
}

// group returns the addresses of each replica: two if an IPv4 and an IPv6 address have
// answered with the same name, which no third has, and one otherwise. The caller holds p.mu.
func (p *pool) group(addresses []netip.AddrPort) [][]string {
	named := map[string][]netip.AddrPort{}
	p.families = false
	for _, a := range addresses {
		p.families = p.families || a.Addr().Is4() != addresses[0].Addr().Is4()
		if name := p.names[a.String()]; name != "" {
			named[name] = append(named[name], a)
		}
	}
	var groups [][]string
	for _, a := range addresses {
		group := []string{a.String()}
		if same := named[p.names[a.String()]]; len(same) == 2 && same[0].Addr().Is4() != same[1].Addr().Is4() {
			if a != same[0] {
				continue // part of the group of the other
			}
			group = []string{same[0].String(), same[1].String()}
		}
		groups = append(groups, group)
	}
	return groups
}

// endPublication ends the publication of a list: a replica to which the child opened no connection
// by now is not used by it.
func (p *pool) endPublication() {
	p.mu.Lock()
	defer p.mu.Unlock()
	unused := 0
	for _, r := range p.listed {
		if len(r.conns) == 0 {
			r.status = Unused
			p.changed(r, "")
			unused++
		}
	}
	if all := len(p.listed); all > 0 && unused == all && !p.unused {
		p.unused = true
		p.cfg.log.Warn("the policy of this package uses no replica: does another dial option replace its service config?", "target", p.target)
	}
}

// named takes the name that a connection's replica answered with.
func (p *pool) named(c *conn, name string) {
	if name == "" || c.replica == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.name.Store(&name)
	r := c.replica
	r.name.Store(&name)
	if p.byAddr[c.address] != r || p.names[c.address] == name {
		return
	}
	p.names[c.address] = name
	if p.families {
		select {
		case p.regroup <- struct{}{}:
		default: // there is a token already
		}
	}
}

// at returns the replica at an address, nil if it is not listed.
func (p *pool) at(address string) *replica {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byAddr[address]
}

func (p *pool) connAdded(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := c.replica; r != nil {
		r.conns[c] = Connecting
		p.updateStatus(r)
	}
}

func (p *pool) connRemoved(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := c.replica; r != nil {
		delete(r.conns, c)
		p.updateStatus(r)
	}
}

// connChanged takes the state of a connection and what follows for its replica.
func (p *pool) connChanged(c *conn, s connectivity.State, status State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := c.replica
	if r == nil {
		return
	}
	if _, ok := r.conns[c]; !ok || s == connectivity.Shutdown {
		return
	}
	r.conns[c] = status
	p.updateStatus(r)
}

// updateStatus sets the status of r from its connections. The caller holds p.mu.
func (p *pool) updateStatus(r *replica) {
	status := Connecting
	for _, s := range r.conns {
		if s == Serving || s == NotServing && status == Connecting {
			status = s
		}
	}
	now := time.Now()
	if status == Serving && r.status != Serving {
		r.servingSince = now
	}
	if status != Serving && r.status == Serving {
		r.servedUntil = now
	}
	r.status = status
	p.changed(r, "")
	p.readmitIfNoneServes()
}

// changed reports a change of r's state and returns it, the zero Change if there is none. The
// caller holds p.mu.
func (p *pool) changed(r *replica, reason string) (change Change) {
	if s := r.currentState(); s != r.state {
		change = Change{Address: r.addresses[0], From: r.state, To: s, Reason: reason}
		r.state, r.since = s, time.Now()
		p.cfg.observer.Changed(p.target, change)
	}
	return change
}

// forgetGone forgets what left DNS long ago. The caller holds p.mu.
func (p *pool) forgetGone(now time.Time) {
	p.gone = slices.DeleteFunc(p.gone, func(r *replica) bool {
		old := now.Sub(r.left) >= goneFor
		if old {
			p.forget(r)
		}
		return old
	})
}

// forget reports that r is in no snapshot any more. The caller holds p.mu.
func (p *pool) forget(r *replica) {
	p.cfg.observer.Changed(p.target, Change{Address: r.addresses[0], From: r.state})
	if r.ramp.end() {
		p.ramping.Add(-1)
	}
}

// looked records one lookup. trouble is why it failed, "" if it did not.
func (p *pool) looked(result LookupResult, trouble string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = trouble
	if result == LookupOK {
		p.answered = time.Now()
	}
	p.cfg.observer.Looked(p.target, result, len(p.byAddr))
}

// stopEjection readmits all replicas, stops the probes and waits for them. No replica is
// suspected or ejected after it.
func (p *pool) stopEjection() {
	p.mu.Lock()
	p.cancel() // under the lock, so that no probe starts after it
	for _, r := range p.listed {
		p.readmit(r, ReasonNeeded)
	}
	p.mu.Unlock()
	p.probes.Wait()
}

// close ends the pool.
func (p *pool) close() {
	p.stopEjection()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range slices.Concat(p.listed, p.gone) {
		p.forget(r)
	}
	p.listed, p.gone, p.byAddr = nil, nil, map[string]*replica{}
}

func (p *pool) snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forgetGone(now)
	s := Snapshot{Target: p.target, ListAge: -1, Trouble: p.trouble, Window: rateWindow * time.Second}
	if !p.answered.IsZero() {
		s.ListAge = now.Sub(p.answered)
	}
	again := map[string]bool{} // addresses that are listed, perhaps for another replica than before
	for _, r := range p.listed {
		again[r.addresses[0]] = true
		s.Replicas = append(s.Replicas, r.snapshot(now))
	}
	for _, r := range p.gone {
		if !again[r.addresses[0]] {
			s.Replicas = append(s.Replicas, r.snapshot(now))
		}
	}
	var all float64
	for _, r := range s.Replicas {
		all += r.Rate
	}
	for i := range s.Replicas {
		s.Replicas[i].Target = p.target
		if all > 0 {
			s.Replicas[i].Share = s.Replicas[i].Rate / all
		}
	}
	slices.SortFunc(s.Replicas, func(a, b Replica) int { return cmp.Compare(a.Address, b.Address) })
	return s
}
