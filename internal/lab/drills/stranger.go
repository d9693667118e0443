package main

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

// other is a gRPC server of something else, in good health.
type other struct {
	server         *grpc.Server
	serving        sync.WaitGroup
	watches, calls atomic.Int64 // of health, and of all else
}

// startStranger returns the server and where it listens.
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
			return status.Error(codes.Unimplemented, "not the service that you look for")
		}),
	)
	healthpb.RegisterHealthServer(o.server, health.NewServer()) // SERVING, as a whole
	o.serving.Go(func() { _ = o.server.Serve(l) })              // it ends with stop
	return o, l.Addr().String(), nil
}

func (o *other) stop() {
	o.server.Stop()
	o.serving.Wait()
}
