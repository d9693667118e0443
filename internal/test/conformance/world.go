package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/internal/dnsserver"
)

const (
	dnsName     = "echo.conformance.test."
	callMethod  = "/" + Service + "/Call"
	probeMethod = "/" + Service + "/Probe"
)

// worlds numbers the worlds of a process, so that each has loopback addresses of its own.
var worlds atomic.Uint32

// world is what one row of one subject runs in: servers, DNS, and the client.
type world struct {
	subject Subject
	outage  time.Duration
	number  uint32
	dns     *dnsserver.Server
	servers []*server
	port    uint16
	conn    *grpc.ClientConn
	closing []func()
}

func newWorld(s Subject, o Options) (*world, error) {
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &world{subject: s, outage: o.Outage, number: worlds.Add(1), dns: dns}
	w.closing = append(w.closing, func() { _ = dns.Close() })
	return w, nil
}

func (w *world) close() {
	for i := len(w.closing) - 1; i >= 0; i-- {
		w.closing[i]()
	}
}

// ip returns the i-th loopback address of this world, for i up to 1000.
func (w *world) ip(i int) netip.Addr {
	block := w.number%4000*4 + uint32(i/250)
	return netip.AddrFrom4([4]byte{127, byte(64 + block>>8), byte(block), byte(1 + i%250)})
}

// server is one replica.
type server struct {
	name    string
	ips     []netip.Addr
	port    uint16
	grpc    *grpc.Server
	health  *health.Server
	ended   sync.WaitGroup
	handler atomic.Pointer[handler]
	conns   atomic.Int64 // open connections

	mu    sync.Mutex
	calls []time.Time      // when each call of a caller began
	at    map[string]int64 // calls by the server's own address
}

// handler answers calls and probes; nil answers at once.
type handler func(ctx context.Context) error

// start starts a server on the i-th address and the port of the world, and on more
// addresses.
func (w *world) start(i int, more []netip.Addr, options ...grpc.ServerOption) (*server, error) {
	s := &server{name: fmt.Sprintf("server-%d", i), ips: append([]netip.Addr{w.ip(i)}, more...), at: map[string]int64{}}
	s.grpc = grpc.NewServer(append(options, grpc.StatsHandler(s))...)
	s.health = health.NewServer()
	s.health.SetServingStatus(Service, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.grpc.RegisterService(describe(), s)
	if err := s.listen(s.ips, w.port); err != nil {
		return nil, err
	}
	w.port = s.port
	w.servers = append(w.servers, s)
	w.closing = append(w.closing, s.stop)
	return s, nil
}

// listen serves on the addresses: on the given port, or one that is free if it is 0.
func (s *server) listen(ips []netip.Addr, port uint16) error {
	for _, ip := range ips {
		lis, err := net.Listen("tcp", netip.AddrPortFrom(ip, port).String())
		if err != nil {
			s.stop()
			return err
		}
		port = lis.Addr().(*net.TCPAddr).AddrPort().Port()
		s.ended.Go(func() { _ = s.grpc.Serve(lis) })
	}
	s.port = port
	return nil
}

// open starts n servers, puts them into DNS, and dials.
func (w *world) open(n int, options ...grpc.ServerOption) error {
	for i := range n {
		if _, err := w.start(i, nil, options...); err != nil {
			return err
		}
	}
	w.publish(w.servers...)
	return w.dial()
}

func (w *world) dial() error {
	conn, closeAll, err := w.subject.Dial(fmt.Sprintf("dns://%s/%s:%d", w.dns.Addr(), dnsName, w.port))
	if err != nil {
		return err
	}
	w.conn = conn
	w.closing = append(w.closing, closeAll)
	return nil
}

// publish puts exactly these servers into DNS.
func (w *world) publish(servers ...*server) {
	var ips []netip.Addr
	for _, s := range servers {
		ips = append(ips, s.ips...)
	}
	w.dns.SetA(dnsName, ips...)
	w.dns.SetAAAA(dnsName, ips...)
}

// settle makes calls until each server has answered one since it began.
func (w *world) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for began := time.Now(); ; {
		missing := 0
		for _, s := range w.servers {
			if s.since(began) == 0 {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		if err := call(ctx, w.conn); err != nil {
			return fmt.Errorf("%d servers have received no call at the start: %w", missing, err)
		}
	}
}

func describe() *grpc.ServiceDesc {
	method := func(name string, count bool) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(new(wrapperspb.StringValue)); err != nil {
				return nil, err
			}
			return srv.(*server).serve(ctx, count)
		}}
	}
	return &grpc.ServiceDesc{ServiceName: Service, HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{method("Call", true), method("Probe", false)}}
}

func (s *server) serve(ctx context.Context, count bool) (any, error) {
	if count {
		p, _ := peer.FromContext(ctx)
		s.mu.Lock()
		s.calls = append(s.calls, time.Now())
		s.at[p.LocalAddr.String()]++
		s.mu.Unlock()
	}
	if h := s.handler.Load(); h != nil {
		if err := (*h)(ctx); err != nil {
			return nil, err
		}
	}
	return wrapperspb.String(s.name), nil
}

// answer sets the handler from now on.
func (s *server) answer(h handler) { s.handler.Store(&h) }

// since returns how many calls have begun since t.
func (s *server) since(t time.Time) int { return s.between(t, time.Now()) }

// between returns how many calls began from one time to another.
func (s *server) between(from, to time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.calls {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// last returns when the last call began; zero for never.
func (s *server) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		return time.Time{}
	}
	return s.calls[len(s.calls)-1]
}

// addressesUsed returns how many of the server's addresses have received a call.
func (s *server) addressesUsed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// stop cuts all connections.
func (s *server) stop() {
	s.grpc.Stop()
	s.ended.Wait()
}

// TagConn implements stats.Handler.
func (s *server) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (s *server) HandleConn(_ context.Context, event stats.ConnStats) {
	switch event.(type) {
	case *stats.ConnBegin:
		s.conns.Add(1)
	case *stats.ConnEnd:
		s.conns.Add(-1)
	}
}

// TagRPC implements stats.Handler.
func (s *server) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (s *server) HandleRPC(context.Context, stats.RPCStats) {}

// ageing is the option of servers that close a connection at this age.
func ageing(age time.Duration) grpc.ServerOption {
	return grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: age, MaxConnectionAgeGrace: 2 * time.Second})
}

// takes returns a handler that answers after d.
func takes(d time.Duration) handler {
	return func(ctx context.Context) error { return wait(ctx, d) }
}

// hangs is a handler that never answers.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// wait waits for d.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// until polls until done, and returns how long that took. It ends after limit.
func until(ctx context.Context, limit time.Duration, done func() bool) (took time.Duration, err error) {
	for began := time.Now(); ; {
		took = time.Since(began)
		if done() {
			return took, nil
		}
		if took > limit {
			return took, errNever
		}
		if err := wait(ctx, 2*time.Millisecond); err != nil {
			return took, err
		}
	}
}

var errNever = errors.New("it did not happen in time")
