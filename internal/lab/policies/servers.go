package policies

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
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"bookstall/internal/dnsserver"
)

const (
	name   = "work.bookstall.test." // DNS name of the servers
	method = "/lab.Work/Do"
	// reportEvery is how often a server takes stock of its load, which it reports with each
	// answer.
	reportEvery = 200 * time.Millisecond
)

// server is a replica: a gRPC server whose calls each hold a slot for some time.
type server struct {
	ip      netip.Addr
	slots   chan struct{}
	took    atomic.Int64 // time of a call, in nanoseconds
	calls   atomic.Int64
	busy    atomic.Int64 // time of all calls, in nanoseconds
	load    orca.ServerMetricsRecorder
	grpc    *grpc.Server
	stopped chan struct{}
	running sync.WaitGroup
}

func startServer(at netip.AddrPort, slots int, took time.Duration) (*server, netip.AddrPort, error) {
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, at, fmt.Errorf("this system cannot bind %s; the servers need all of 127.0.0.0/8: %w", at, err)
	}
	s := &server{ip: at.Addr(), slots: make(chan struct{}, slots), load: orca.NewServerMetricsRecorder(), stopped: make(chan struct{})}
	s.took.Store(int64(took))
	s.grpc = grpc.NewServer(orca.CallMetricsServerOption(s.load))
	s.grpc.RegisterService(&grpc.ServiceDesc{
		ServiceName: "lab.Work", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Do", Handler: s.handle}},
	}, s)
	healthpb.RegisterHealthServer(s.grpc, health.NewServer())
	s.running.Go(func() { _ = s.grpc.Serve(l) }) // returns after stop
	s.running.Go(s.report)
	return s, l.Addr().(*net.TCPAddr).AddrPort(), nil
}

func (s *server) handle(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // gRPC's order
	in := &emptypb.Empty{}
	if err := decode(in); err != nil {
		return nil, err
	}
	return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: s, FullMethod: method}, func(ctx context.Context, _ any) (any, error) { return s.do(ctx) })
}

func (s *server) do(ctx context.Context) (*emptypb.Empty, error) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	defer func() { <-s.slots }()
	took := s.took.Load()
	time.Sleep(time.Duration(took))          // the work
	orca.CallMetricsRecorderFromContext(ctx) // without it the load is not sent
	s.calls.Add(1)
	s.busy.Add(took)
	return &emptypb.Empty{}, nil
}

// report keeps the load that goes to clients: calls a second, and the part of the slots in
// use.
func (s *server) report() {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	var calls, busy int64
	last := time.Now()
	for {
		select {
		case <-s.stopped:
			return
		case <-ticker.C:
		}
		now, n, b := time.Now(), s.calls.Load(), s.busy.Load()
		since := now.Sub(last)
		s.load.SetQPS(float64(n-calls) / since.Seconds())
		s.load.SetApplicationUtilization(float64(b-busy) / float64(since) / float64(cap(s.slots)))
		last, calls, busy = now, n, b
	}
}

func (s *server) stop() {
	close(s.stopped)
	s.grpc.Stop()
	s.running.Wait()
}

// cluster is some servers behind a DNS name.
type cluster struct {
	dns     *dnsserver.Server
	port    uint16
	servers []*server
}

// startCluster runs a server for each of the times and publishes them.
func startCluster(slots int, took ...time.Duration) (_ *cluster, err error) {
	c := &cluster{}
	if c.dns, err = dnsserver.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	for _, t := range took {
		if _, err := c.add(slots, t); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	c.publish()
	return c, nil
}

// add runs one more server, which is not in DNS yet.
func (c *cluster) add(slots int, took time.Duration) (*server, error) {
	ip := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + len(c.servers))})
	s, at, err := startServer(netip.AddrPortFrom(ip, c.port), slots, took)
	if err != nil {
		return nil, err
	}
	c.port = at.Port() // the first picks one that is free
	c.servers = append(c.servers, s)
	return s, nil
}

func (c *cluster) publish() {
	ips := make([]netip.Addr, len(c.servers))
	for i, s := range c.servers {
		ips[i] = s.ip
	}
	c.dns.SetA(name, ips...)
}

func (c *cluster) target() string { return fmt.Sprintf("dns://%s/%s:%d", c.dns.Addr(), name, c.port) }

func (c *cluster) close() error {
	for _, s := range c.servers {
		s.stop()
	}
	return c.dns.Close()
}

// do makes one call.
func do(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) error {
	return conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}, opts...)
}
