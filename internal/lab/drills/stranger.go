package drills

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// other is a healthy gRPC server that does not have our service.
type other struct {
	server         *grpc.Server
	serving        sync.WaitGroup
	watches, calls atomic.Int64 // of health; of any other method
}

// startStranger runs such a server and returns its address.
func startStranger(address string) (*other, string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", err
	}
	o := &other{}
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
	o.serving.Go(func() { _ = o.server.Serve(l) })              // until stop
	return o, l.Addr().String(), nil
}

func (o *other) stop() {
	o.server.Stop()
	o.serving.Wait()
}
