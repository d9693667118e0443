package main

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// slowStart is the health of a replica that is SERVING from one check on.
type slowStart struct {
	healthpb.UnimplementedHealthServer
	from   int64
	checks atomic.Int64
}

func (s *slowStart) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if s.checks.Add(1) >= s.from {
		status = healthpb.HealthCheckResponse_SERVING
	}
	return &healthpb.HealthCheckResponse{Status: status}, nil
}

// TestAReplicaThatStartsIsCheckedOften: at the pace of a replica that is SERVING, these checks
// would take longer than limit.
func TestAReplicaThatStartsIsCheckedOften(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, &slowStart{from: int64(limit/checkEvery) + 2})
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(ln) }()
	ctx, cancel := context.WithCancel(t.Context())
	isServing := make(chan struct{})
	go func() {
		ended <- watchHealth(ctx, ln.Addr().String(), func(serving bool) {
			if serving {
				close(isServing)
				cancel()
			}
		})
	}()
	within(t, isServing, "SERVING")
	server.Stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	cancel()
}
