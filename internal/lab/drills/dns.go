package drills

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"bookstall/internal/dnsserver"
	"bookstall/internal/lab/fleet"
)

// lookup is how long marketplace waits for an answer of DNS. When DNS recovers, a
// lookup in flight has to time out first.
const lookup = 2 * time.Second

// useless makes DNS useless for a while. A replica that is published meanwhile must
// have its first call soon after.
func useless(b dnsserver.Behavior, length, first time.Duration) script {
	return func(ctx context.Context, s *scene) error {
		began := s.mark(event, "DNS is useless")
		s.DNS.SetBehavior(b)
		fresh, err := s.AddReplica()
		if err != nil {
			return err
		}
		s.Publish(s.Replicas()...)
		s.wait(ctx, length-time.Since(began))
		asked := s.DNS.Queries(fleet.Name)
		if n, err := fresh.FinishedCalls(); err != nil || n > 0 {
			s.fail("the new replica had %d calls before DNS named it (%v)", n, err)
		}
		if asked < int(length.Seconds())/5 {
			s.fail("DNS had only %d questions, want %d or more", asked, int(length.Seconds())/5)
		}
		s.DNS.SetBehavior(dnsserver.Normal)
		s.watchFirstCall(ctx, fresh, s.mark(remark, "DNS is back"), first)
		s.wait(ctx, 4*time.Second)
		return nil
	}
}

func shuffled(ctx context.Context, s *scene) error {
	s.DNS.SetBehavior(dnsserver.Rotated)
	s.checkEvenShares()
	s.wait(ctx, 12*time.Second)
	return nil
}

// publishAlso puts one more address in DNS for a while, and until met reports true.
func (s *scene) publishAlso(ctx context.Context, ip netip.Addr, what string, met func() (bool, error)) error {
	var ips []netip.Addr
	for _, r := range s.Replicas() {
		ips = append(ips, r.IP)
	}
	s.PublishAddresses(slices.Insert(ips, 1, ip)...)
	s.mark(event, "%s in DNS", what)
	if err := s.waitAtLeast(ctx, 10*time.Second, metBound, "the shop to connect to "+what, met); err != nil {
		return err
	}
	s.Publish(s.Replicas()...)
	s.mark(remark, "%s removed from DNS", what)
	s.wait(ctx, 3*time.Second)
	return nil
}

func stale(ctx context.Context, s *scene) error {
	return s.publishAlso(ctx, s.FreeAddress().Addr(), "an address without a server", func() (bool, error) { return true, nil })
}

func stranger(ctx context.Context, s *scene) error {
	at := s.FreeAddress()
	server, _, err := startStranger(at.String())
	if err != nil {
		return err
	}
	defer server.stop()
	err = s.publishAlso(ctx, at.Addr(), "another gRPC server", func() (bool, error) { return server.watches.Load() > 0, nil })
	if n := server.calls.Load(); n > 0 {
		s.fail("the other gRPC server had %d calls of readers", n)
	}
	return err
}

// strangerServer is a healthy gRPC server that does not have our service.
type strangerServer struct {
	server         *grpc.Server
	serving        sync.WaitGroup
	watches, calls atomic.Int64 // calls of health watches, and of any other method
}

// startStranger runs a strangerServer and returns its address.
func startStranger(address string) (*strangerServer, string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", err
	}
	o := &strangerServer{}
	o.server = grpc.NewServer(
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if strings.HasPrefix(info.FullMethod, "/grpc.health.") {
				o.watches.Add(1)
			}
			return next(srv, ss)
		}),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			o.calls.Add(1)
			return status.Error(codes.Unimplemented, "this is another service")
		}),
	)
	healthpb.RegisterHealthServer(o.server, health.NewServer()) // the server as a whole is SERVING
	o.serving.Go(func() { _ = o.server.Serve(l) })              // returns after stop
	return o, l.Addr().String(), nil
}

func (o *strangerServer) stop() {
	o.server.Stop()
	o.serving.Wait()
}
