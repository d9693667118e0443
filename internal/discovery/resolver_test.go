package discovery

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
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

// fakeBalancer records what it receives.
type fakeBalancer struct {
	mu     sync.Mutex
	states [][]string
	errs   []error
}

func (f *fakeBalancer) UpdateState(s resolver.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	addrs := []string{}
	for _, ep := range s.Endpoints {
		addrs = append(addrs, ep.Addresses[0].Addr)
	}
	f.states = append(f.states, addrs)
	return nil
}

func (f *fakeBalancer) ReportError(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *fakeBalancer) NewAddress([]resolver.Address) { panic("not used") }

func (f *fakeBalancer) ParseServiceConfig(string) *serviceconfig.ParseResult { panic("not used") }

func (f *fakeBalancer) last() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.states) == 0 {
		return nil
	}
	return f.states[len(f.states)-1]
}

func (f *fakeBalancer) updates() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.states)
}

// world is one resolver with everything around it faked, in a synctest bubble.
type world struct {
	dns       *fakeDNS
	cc        *fakeBalancer
	ejector   *Ejector
	metrics   *Metrics
	res       resolver.Resolver
	probeErrs chan error // result of the next probe; once closed, probes succeed

	probes     atomic.Int64
	probeTakes atomic.Int64 // nanoseconds
}

const (
	interval = 2 * time.Second
	maxStale = time.Minute
)

func start(t *testing.T, dns *fakeDNS) *world {
	t.Helper()
	w := &world{dns: dns, cc: &fakeBalancer{}, metrics: NewMetrics(prometheus.NewRegistry()), probeErrs: make(chan error)}
	w.ejector = NewEjector(EjectorConfig{
		Threshold: 3,
		SlowFloor: 50 * time.Millisecond, SlowFactor: 5, SlowThreshold: 5, SlowSpan: 200 * time.Millisecond,
		ProbeInterval: time.Second, MaxProbeInterval: 8 * time.Second, ProbeTimeout: time.Second,
		Metrics: w.metrics, Log: logr.Discard(),
		Probe: func(ctx context.Context, _ string) (time.Duration, error) {
			w.probes.Add(1)
			select {
			case err := <-w.probeErrs:
				return time.Duration(w.probeTakes.Load()), err
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		},
	})
	b := NewBuilder(Config{
		Interval: interval, MinInterval: 200 * time.Millisecond, LookupTimeout: time.Second,
		MaxStale: maxStale, Ejector: w.ejector, Metrics: w.metrics, Log: logr.Discard(),
	})
	b.newLookup = func(string) lookupFunc { return dns.lookup }
	res, err := b.Build(resolver.Target{URL: url.URL{Scheme: "dns", Path: "/books.test.:50051"}}, w.cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.res = res
	t.Cleanup(func() { res.Close(); w.ejector.Close() })
	synctest.Wait()
	return w
}

// pass advances the bubble's clock by d and waits until all goroutines are idle.
func pass(d time.Duration) {
	time.Sleep(d) // fake time
	synctest.Wait()
}

func wantList(t *testing.T, w *world, want ...string) {
	t.Helper()
	for i := range want {
		want[i] += ":50051"
	}
	if diff := cmp.Diff(want, w.cc.last(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestANewReplicaIsFoundByTheNextLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1"}}
		w := start(t, dns)
		wantList(t, w, "10.0.0.1")
		dns.set(nil, "10.0.0.1", "10.0.0.2")
		pass(interval * 11 / 10)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}

func TestUnchangedListIsNotPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}})
		pass(10 * interval)
		if got := w.cc.updates(); got != 1 {
			t.Errorf("balancer was updated %d times, want 1: each update makes round_robin start over", got)
		}
		if got := w.dns.count(); got < 9 {
			t.Errorf("%d lookups in 10 intervals", got)
		}
	})
}

func TestAnEmptyAnswerKeepsTheListUntilItIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}}
		w := start(t, dns)
		dns.set(errEmpty)
		pass(maxStale - interval)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if testutil.ToFloat64(w.metrics.emptyIgnored) == 0 {
			t.Error("ignored empty answers are not counted")
		}
		pass(3 * interval)
		wantList(t, w)
		dns.set(nil, "10.0.0.3")
		pass(time.Second)
		wantList(t, w, "10.0.0.3")
	})
}

func TestAFailedLookupKeepsTheListWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1"}}
		w := start(t, dns)
		dns.set(errors.New("server misbehaving"))
		pass(10 * maxStale)
		wantList(t, w, "10.0.0.1")
	})
}

func TestWithoutAListTheErrorIsReportedAndLookupsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{err: errEmpty}
		w := start(t, dns)
		if len(w.cc.errs) == 0 || !errors.Is(w.cc.errs[0], errEmpty) {
			t.Fatalf("errors %v, want the empty answer", w.cc.errs)
		}
		dns.set(nil, "10.0.0.1")
		pass(time.Second)
		wantList(t, w, "10.0.0.1")
	})
}

func TestResolveNowLooksUpAtOnceWithinTheMinimumInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1"}}
		w := start(t, dns)
		pass(time.Second)
		before := dns.count()
		w.res.ResolveNow(resolver.ResolveNowOptions{})
		synctest.Wait()
		if got := dns.count() - before; got != 1 {
			t.Fatalf("%d lookups at once, want 1", got)
		}
		for range 100 {
			w.res.ResolveNow(resolver.ResolveNowOptions{})
			pass(time.Millisecond)
		}
		if got := dns.count() - before; got > 2 {
			t.Errorf("100 ms of requests made %d lookups", got)
		}
	})
}

func TestLiteralAddressNeedsNoDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{err: errEmpty})
		res, err := NewBuilder(Config{Interval: interval, MinInterval: interval, LookupTimeout: interval,
			Ejector: w.ejector, Metrics: w.metrics, Log: logr.Discard()}).
			Build(resolver.Target{URL: url.URL{Scheme: "dns", Path: "/[::1]:50051"}}, w.cc, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Close()
		synctest.Wait()
		if got := w.cc.last(); !slices.Equal(got, []string{"[::1]:50051"}) {
			t.Errorf("list %v", got)
		}
	})
}

func TestBadTargets(t *testing.T) {
	for _, u := range []string{"dns:///", "dns:///name", "dns:///name:", "dns:///name:0", "dns:///name:65536", "dns:///name:http", "dns://a:b:c/name:1", "name:1", "passthrough:///name:1", "dns:///name:1\x00"} {
		if err := CheckTarget(u); err == nil {
			t.Errorf("%s: no error", u)
		}
	}
}

func TestTargetDNSServerPortDefaultsTo53(t *testing.T) {
	got, err := parseTarget(resolver.Target{URL: url.URL{Scheme: "dns", Host: "10.96.0.10", Path: "/a.b.:50051"}})
	if err != nil || got != (target{server: "10.96.0.10:53", host: "a.b.", port: 50051}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
