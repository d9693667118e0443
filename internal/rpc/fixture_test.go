package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/internal/dnsserver"
	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testService  = "test.Books"
	testMethod   = "/test.Books/Get"
	testUpload   = "/test.Books/Put"
	testDownload = "/test.Books/List"
	testTalk     = "/test.Books/Talk"
	testName     = "books.test."
)

// talkDesc describes a stream that reads, and writes with its first message.
var talkDesc = grpc.StreamDesc{StreamName: "Talk", ClientStreams: true, ServerStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
	if err := ss.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	return CheckWrite(ss.Context())
}}

// uploadDesc describes an upload, which is answered with the number of its messages.
var uploadDesc = grpc.StreamDesc{StreamName: "Put", ClientStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
	for n := 0; ; n++ {
		switch err := ss.RecvMsg(new(wrapperspb.StringValue)); {
		case errors.Is(err, io.EOF):
			return ss.SendMsg(wrapperspb.String(fmt.Sprint(n)))
		case err != nil:
			return err
		}
	}
}}

// downloadDesc describes a download of 32 MB.
var downloadDesc = grpc.StreamDesc{StreamName: "List", ServerStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
	err := ss.RecvMsg(new(wrapperspb.StringValue))
	for n := 0; err == nil && n < 1024; n++ {
		err = ss.SendMsg(wrapperspb.String(strings.Repeat("x", 32<<10)))
	}
	return err
}}

// handler answers a call to a test replica.
type handler func(ctx context.Context, in string) (string, error)

// testDesc describes the test service, whose implementation is a replica.
func testDesc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: testService,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Get",
			Handler: func(srv any, ctx context.Context, dec func(any) error, icpt grpc.UnaryServerInterceptor) (any, error) {
				in := new(wrapperspb.StringValue)
				if err := dec(in); err != nil {
					return nil, err
				}
				serve := func(ctx context.Context, req any) (any, error) {
					out, err := srv.(*replica).handle(ctx, req.(*wrapperspb.StringValue).GetValue())
					return wrapperspb.String(out), err
				}
				return icpt(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: testMethod}, serve)
			},
		}},
		Streams: []grpc.StreamDesc{uploadDesc, downloadDesc, talkDesc},
	}
}

// replica is a running server of the test service.
type replica struct {
	*Server
	ready  *lifecycle.Readiness
	tel    *telemetry.Telemetry
	calls  atomic.Int64
	do     atomic.Pointer[handler]
	served chan error
	stop   sync.Once
}

func (r *replica) handle(ctx context.Context, in string) (string, error) {
	r.calls.Add(1)
	if do := r.do.Load(); do != nil {
		return (*do)(ctx, in)
	}
	return in, nil
}

// answer sets the handler of calls from now on.
func (r *replica) answer(h handler) { r.do.Store(&h) }

// want waits until a sample of the replica's metrics is as it should be.
func (r *replica) want(t *testing.T, sample string, is func(float64) bool) {
	t.Helper()
	name, labels, _ := strings.Cut(strings.TrimSuffix(sample, "}"), "{")
	var value float64
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		families, err := r.tel.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				var pairs []string
				for _, l := range m.GetLabel() {
					pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				}
				if f.GetName() == name && strings.Join(pairs, ",") == labels {
					value = m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
		if is(value) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v", sample, value)
		}
	}
}

// end stops the replica and cuts its calls after the given time. Only the first call
// has an effect.
func (r *replica) end(t *testing.T, within time.Duration) {
	t.Helper()
	r.stop.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err := r.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-r.served; err != nil {
			t.Error(err)
		}
	})
}

func newTelemetry(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel := telemetry.New(t.Context(), "test", t.Name(), telemetry.Config{LogLevel: "info"}, t.Output())
	t.Cleanup(tel.Close)
	return tel
}

// startReplica starts a replica on a free port, which is ready at once. It returns the error
// of NewServer.
func startReplica(t *testing.T, change func(*ServerConfig)) (*replica, error) {
	t.Helper()
	return startVersion(t, "127.0.0.1:0", change, testDesc())
}

// startVersion starts a replica of another version of the service on address.
func startVersion(t *testing.T, address string, change func(*ServerConfig), desc *grpc.ServiceDesc) (*replica, error) {
	t.Helper()
	r := &replica{ready: lifecycle.NewReadiness(), served: make(chan error, 1)}
	cfg := ServerConfig{Address: address, Service: testService, Readiness: r.ready, Telemetry: newTelemetry(t)}
	if change != nil {
		change(&cfg)
	}
	r.tel = cfg.Telemetry
	var err error
	if r.Server, err = NewServer(cfg); err != nil {
		return nil, err
	}
	r.RegisterService(desc, r)
	r.ready.Set(true, "")
	go func() { r.served <- r.Serve() }()
	t.Cleanup(func() { r.end(t, time.Second) })
	return r, nil
}

// shop is a client and the replicas behind its target, each on a loopback address of its
// own.
type shop struct {
	dns      *dnsserver.Server
	replicas []*replica
	client   *Client
	port     uint16
}

const dnsInterval = 100 * time.Millisecond

// patience is when a test gives up on what should happen at once: it says nothing about how
// fast that is, as the machine may be busy.
const patience = 30 * time.Second

// openShop starts n replicas that DNS lists, and a client.
func openShop(t *testing.T, n int, change func(*ServerConfig)) *shop {
	t.Helper()
	s := &shop{}
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dns.Close(); err != nil {
			t.Error(err)
		}
	})
	s.dns = dns
	for i := range n {
		s.add(t, i, change)
	}
	s.publish(s.replicas...)
	s.client = dial(t, fmt.Sprintf("dns://%s/%s:%d", dns.Addr(), testName, s.port), nil)
	return s
}

// dial returns a client of target, which a successful call of the test service probes.
func dial(t *testing.T, target string, change func(*ClientConfig)) *Client {
	t.Helper()
	cfg := ClientConfig{
		Target: target, Service: testService,
		DNSInterval: dnsInterval, DNSMaxStale: time.Minute, Telemetry: newTelemetry(t),
		Probe: func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := invoke(ctx, conn)
			return err
		},
	}
	if change != nil {
		change(&cfg)
	}
	client, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// add starts one more replica on an address of its own and the common port, without
// listing it in DNS.
func (s *shop) add(t *testing.T, i int, change func(*ServerConfig)) *replica {
	t.Helper()
	return s.addVersion(t, i, change, testDesc())
}

// addVersion adds one of another version of the service.
func (s *shop) addVersion(t *testing.T, i int, change func(*ServerConfig), desc *grpc.ServiceDesc) *replica {
	t.Helper()
	r, err := startVersion(t, fmt.Sprintf("127.0.9.%d:%d", i+1, s.port), change, desc)
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		t.Skip("SKIP (counted): this system has one loopback address only; on macOS add more with: sudo ifconfig lo0 alias 127.0.9.1 (to .5)")
	case err != nil:
		t.Fatal(err)
	}
	s.port = r.Addr().(*net.TCPAddr).AddrPort().Port()
	s.replicas = append(s.replicas, r)
	return r
}

// publish puts exactly these replicas in DNS.
func (s *shop) publish(replicas ...*replica) {
	var ips []netip.Addr
	for _, r := range replicas {
		ips = append(ips, r.Addr().(*net.TCPAddr).AddrPort().Addr())
	}
	s.dns.SetA(testName, ips...)
}

// call makes one call that must end within the given time.
func call(client grpc.ClientConnInterface, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_, err := invoke(ctx, client)
	return err
}

func invoke(ctx context.Context, client grpc.ClientConnInterface) (string, error) {
	out := new(wrapperspb.StringValue)
	err := client.Invoke(ctx, testMethod, wrapperspb.String("hello"), out)
	return out.GetValue(), err
}

// until makes one call after another until done returns true. A failed call fails the
// test.
func (s *shop) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for: %s", what)
		}
		if err := call(s.client, patience); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// settled makes calls until every replica has received one.
func (s *shop) settled(t *testing.T) {
	t.Helper()
	s.until(t, "all replicas receive calls", func() bool {
		for _, r := range s.replicas {
			if r.calls.Load() == 0 {
				return false
			}
		}
		return true
	})
}

// load makes calls from 32 goroutines until stop is called. stop returns the number of
// calls, and how many failed with each code.
func (s *shop) load() (stop func() (total int64, failed map[codes.Code]int64)) {
	return s.loadOf(func() error { return call(s.client, patience) })
}

// loadOf is load with other calls.
func (s *shop) loadOf(one func() error) (stop func() (total int64, failed map[codes.Code]int64)) {
	var (
		wg     sync.WaitGroup
		total  atomic.Int64
		mu     sync.Mutex
		failed = map[codes.Code]int64{}
		quit   = make(chan struct{})
	)
	for range 32 {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				total.Add(1)
				if err := one(); err != nil {
					mu.Lock()
					failed[status.Code(err)]++
					mu.Unlock()
				}
			}
		})
	}
	return func() (int64, map[codes.Code]int64) {
		close(quit)
		wg.Wait()
		return total.Load(), failed
	}
}

// waitForCalls blocks until the replicas have received 300 more calls in total.
func (s *shop) waitForCalls(t *testing.T) {
	t.Helper()
	const n = 300
	sum := func() (all int64) {
		for _, r := range s.replicas {
			all += r.calls.Load()
		}
		return all
	}
	waitFor(t, fmt.Sprintf("%d more calls", n), func(from int64) func() bool {
		return func() bool { return sum() >= from+n }
	}(sum()))
}

// waitFor polls until done returns true, without making calls.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// What balance.New chooses.
const (
	ejectAfter    = 3
	slowFloor     = 50 * time.Millisecond
	probeInterval = time.Second
)
