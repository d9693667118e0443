package main

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// TestAReplicaThatStartsIsSeenAtOnce: nobody answers at first, and no check is due while the
// health changes, so the connection must tell.
func TestAReplicaThatStartsIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan bool)
	ended := make(chan error, 2)
	go func() {
		ended <- watchHealth(ctx, ln.Addr().String(), time.Hour, func(serving bool) {
			select {
			case reports <- serving:
			case <-ctx.Done():
			}
		})
	}()
	reported := func(want bool) {
		t.Helper()
		late := time.After(limit)
		for {
			select {
			case serving := <-reports:
				if serving == want {
					return
				}
			case <-late:
				t.Fatalf("the report %v did not come in %v", want, limit)
			}
		}
	}
	reported(false)
	state := health.NewServer()
	state.SetServingStatus(healthService, healthpb.HealthCheckResponse_NOT_SERVING)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, state)
	go func() { ended <- server.Serve(ln) }()
	state.SetServingStatus(healthService, healthpb.HealthCheckResponse_SERVING)
	reported(true)
	state.SetServingStatus(healthService, healthpb.HealthCheckResponse_NOT_SERVING)
	reported(false)
	cancel()
	server.Stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
