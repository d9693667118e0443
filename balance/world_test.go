package balance

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// fakeDNS answers as the test sets it.
type fakeDNS struct {
	mu    sync.Mutex
	ips   []string
	err   error
	asked int
}

func (f *fakeDNS) set(err error, ips ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ips, f.err = ips, err
}

func (f *fakeDNS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fakeDNS) lookup(context.Context, string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	var ips []netip.Addr
	for _, s := range f.ips {
		ips = append(ips, netip.MustParseAddr(s))
	}
	return ips, f.err
}

// fakeSubConn is a connection of gRPC's.
type fakeSubConn struct {
	balancer.SubConn
	address string
}

// roundRobin is a child's picker that takes turns.
type roundRobin struct {
	conns []*conn
	next  int
}

func (r *roundRobin) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	if len(r.conns) == 0 {
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	c := r.conns[r.next%len(r.conns)]
	r.next++
	return balancer.PickResult{SubConn: c}, nil
}

// fakeChannel is what a resolver sees of gRPC's channel. It opens a connection to each
// endpoint of a list at once, as the child policy does, and closes those that left it.
type fakeChannel struct {
	policy *policy // without a child, and with a queue that nobody runs

	mu      sync.Mutex
	starts  bool // new connections are ready at once
	updates int
	errs    []error
	conns   map[string]*conn // by the addresses of the endpoint
}

func (f *fakeChannel) UpdateState(s resolver.State) error {
	p, _ := s.Attributes.Value(poolKey{}).(*pool)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates++
	kept := map[string]bool{}
	for _, ep := range s.Endpoints {
		var all []string
		for _, a := range ep.Addresses {
			all = append(all, a.Addr)
		}
		key := strings.Join(all, " ")
		kept[key] = true
		if f.conns[key] == nil {
			f.conns[key] = &conn{SubConn: fakeSubConn{address: all[0]}, policy: f.policy, address: all[0], replica: p.at(all[0])}
			p.connAdded(f.conns[key])
			if f.starts {
				p.startSlowly(f.conns[key])
				p.connChanged(f.conns[key], connectivity.Ready, Serving)
			}
		}
	}
	for key, c := range f.conns {
		if !kept[key] {
			p.connRemoved(c)
			delete(f.conns, key)
		}
	}
	return nil
}

func (f *fakeChannel) ReportError(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *fakeChannel) NewAddress([]resolver.Address) { panic("not used") }

func (f *fakeChannel) ParseServiceConfig(string) *serviceconfig.ParseResult { panic("not used") }

func (f *fakeChannel) updated() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.updates
}

// events is an Observer that keeps what it is told.
type events struct {
	mu      sync.Mutex
	lookups map[LookupResult]int
	changes []Change
	kept    int // empty answers after which the list stayed
}

func (e *events) Looked(_ string, result LookupResult, addresses int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lookups == nil {
		e.lookups = map[LookupResult]int{}
	}
	e.lookups[result]++
	if result == LookupEmpty && addresses > 0 {
		e.kept++
	}
}

func (e *events) Changed(_ string, c Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changes = append(e.changes, c)
}

// of returns the changes of the replica at ip, as "from>to reason".
func (e *events) of(ip string) (list []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.changes {
		if c.Address == ip+":50051" {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s>%s %s", c.From, c.To, c.Reason)))
		}
	}
	return list
}

// count returns the number of changes to a state for a reason.
func (e *events) count(to State, reason string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.changes {
		if c.To == to && c.Reason == reason {
			n++
		}
	}
	return n
}

// fakeProbe is the result of probes, by the IP address of the replica; others pass at once.
type fakeProbe struct {
	mu      sync.Mutex
	results map[string]probeResult
	probed  map[string]int
}

type probeResult struct {
	hangs bool // until its deadline
	took  time.Duration
	err   error
}

// set sets the result of the probes of these replicas from now on.
func (f *fakeProbe) set(result probeResult, ips ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ip := range ips {
		f.results[ip] = result
	}
}

func (f *fakeProbe) count(ip string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.probed[ip]
}

func (f *fakeProbe) probe(ctx context.Context, ip string) (time.Duration, error) {
	f.mu.Lock()
	f.probed[ip]++
	result := f.results[ip]
	f.mu.Unlock()
	if result.hangs {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return result.took, result.err
}

// world is one client's resolver and pool with everything around them faked, in a synctest
// bubble.
type world struct {
	dns      *fakeDNS
	channel  *fakeChannel
	balancer *Balancer
	pool     *pool
	res      *dnsResolver
	events   *events
	probe    *fakeProbe
}

const (
	interval = 2 * time.Second
	maxStale = time.Minute
	method   = "/test.Books/Get"
)

// start starts a client of a Balancer whose replicas are ready at once.
func start(t *testing.T, dns *fakeDNS, options ...Option) *world {
	t.Helper()
	w := &world{
		dns:     dns,
		channel: &fakeChannel{policy: &policy{events: newQueue()}, starts: true, conns: map[string]*conn{}},
		events:  &events{},
		probe:   &fakeProbe{results: map[string]probeResult{}, probed: map[string]int{}},
	}
	b, err := New(append([]Option{
		WithInterval(interval), WithMaxStale(maxStale), WithObserver(w.events),
		WithEjection(Ejection{MaxProbeInterval: 8 * time.Second}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	w.balancer = b
	w.res = builder{b}.start("dns:///books.test.:50051", target{host: "books.test.", port: 50051}, dns.lookup, w.channel)
	w.pool = w.res.pool
	t.Cleanup(func() { w.res.Close(); b.Close() })
	synctest.Wait()
	w.pool.probe = func(ctx context.Context, r *replica) (time.Duration, error) {
		w.pool.mu.Lock()
		ip := strings.TrimSuffix(r.addresses[0], ":50051")
		w.pool.mu.Unlock()
		return w.probe.probe(ctx, ip)
	}
	return w
}

// at returns the replica with this IP address.
func (w *world) at(ip string) *replica { return w.pool.at(ip + ":50051") }

// connected sets the state of the connection to ip.
func (w *world) connected(ip string, s connectivity.State, status State) {
	w.channel.mu.Lock()
	c := w.channel.conns[ip+":50051"]
	w.channel.mu.Unlock()
	if status == Serving {
		w.pool.startSlowly(c)
	}
	w.pool.connChanged(c, s, status)
	synctest.Wait()
}

// reports reports n calls to ip that began took ago, and lets the probe that follows each of
// them end.
func (w *world) reports(ip string, n int, v verdict, took time.Duration) {
	w.reportsOf(method, ip, n, v, took)
}

func (w *world) reportsOf(method, ip string, n int, v verdict, took time.Duration) {
	for range n {
		w.pool.ended(w.at(ip), ended(method, v, took))
		synctest.Wait()
	}
}

// picker returns the picker around one that takes turns among the connected replicas.
func (w *world) picker() picker {
	w.channel.mu.Lock()
	defer w.channel.mu.Unlock()
	child := &roundRobin{}
	for _, key := range slices.Sorted(maps.Keys(w.channel.conns)) {
		child.conns = append(child.conns, w.channel.conns[key])
	}
	return picker{child: child, pool: w.pool}
}

// calls makes n calls with p, and returns the number of them at each IP address. Each call
// takes as long as took says, all at the same time.
func (w *world) calls(t *testing.T, p balancer.Picker, n int, took func(ip string) time.Duration) map[string]int {
	t.Helper()
	counts := map[string]int{}
	done := map[time.Duration][]func(balancer.DoneInfo){}
	for range n {
		result, err := p.Pick(balancer.PickInfo{FullMethodName: method})
		if err != nil {
			t.Fatal(err)
		}
		sc, _ := result.SubConn.(fakeSubConn)
		ip := strings.TrimSuffix(sc.address, ":50051")
		counts[ip]++
		done[took(ip)] = append(done[took(ip)], result.Done)
	}
	began := time.Now()
	for _, d := range slices.Sorted(maps.Keys(done)) {
		pass(time.Until(began.Add(d)))
		for _, end := range done[d] {
			end(balancer.DoneInfo{BytesSent: true, BytesReceived: true})
		}
	}
	synctest.Wait()
	return counts
}

// ended returns the outcome of a call that ends now.
func ended(method string, v verdict, took time.Duration) outcome {
	o := outcome{method: method, began: time.Now().Add(-took), took: took, verdict: v, timed: v == good, failed: v > good}
	switch v {
	case bad:
		o.code = codes.Internal
	case timedOut:
		o.code = codes.DeadlineExceeded
	default:
	}
	return o
}

// ips returns n addresses.
func ips(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("10.0.0.%d", i+1))
	}
	return list
}

// healthy returns a world with n replicas that have answered in a millisecond each.
func healthy(t *testing.T, n int, options ...Option) *world {
	t.Helper()
	w := start(t, &fakeDNS{ips: ips(n)}, options...)
	for _, ip := range ips(n) {
		w.reports(ip, minTimes, good, time.Millisecond)
	}
	return w
}

// pass advances the bubble's clock by d and waits until all goroutines are idle.
func pass(d time.Duration) {
	time.Sleep(d) // fake time
	synctest.Wait()
}

// serving returns the IP addresses of the replicas that receive calls.
func (w *world) serving() []string {
	list := []string{}
	for _, r := range w.pool.snapshot().Replicas {
		if r.State == Serving {
			list = append(list, strings.TrimSuffix(r.Address, ":50051"))
		}
	}
	return list
}

// state returns the state of the replica at ip and its reason, "" if it is in no snapshot.
func (w *world) state(ip string) (State, string) {
	for _, r := range w.pool.snapshot().Replicas {
		if r.Address == ip+":50051" {
			return r.State, r.Reason
		}
	}
	return "", ""
}

func wantList(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.serving(); !slices.Equal(got, want) {
		t.Errorf("calls go to %v, want %v", got, want)
	}
}

func wantState(t *testing.T, w *world, ip string, want State, reason string) {
	t.Helper()
	if got, why := w.state(ip); got != want || why != reason {
		t.Errorf("%s is %q, reason %q; want %q, reason %q", ip, got, why, want, reason)
	}
}
