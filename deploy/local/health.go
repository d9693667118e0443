package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // the connection watches it
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// healthService is the service whose health is checked, as marketplace does.
	healthService = "recommendations.v1.RecommendationsService"

	checkEvery   = 500 * time.Millisecond
	checkTimeout = time.Second
	redialAfter  = 25 * time.Millisecond // while nobody listens
)

// watchHealth checks periodically whether the replica at addr is SERVING, as a kubelet
// does, and reports each result. The shop opens once all replicas are: so it also checks when the
// connection, which watches the health, changes. It returns when ctx is done.
func watchHealth(ctx context.Context, addr string, every time.Duration, report func(serving bool)) error {
	conn, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		// pick_first does not watch the health.
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": "`+healthService+`"}}`),
		// The default backoff grows to two minutes, but the next check must see a
		// replica that has come back.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: redialAfter, Multiplier: 1, MaxDelay: redialAfter},
			MinConnectTimeout: checkTimeout,
		}))
	if err != nil {
		return fmt.Errorf("health of %s: %w", addr, err)
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)

	for {
		state := conn.GetState()
		ok := serving(ctx, client)
		if ctx.Err() != nil {
			return nil
		}
		report(ok)
		pause, end := context.WithTimeout(ctx, every)
		conn.WaitForStateChange(pause, state)
		end()
	}
}

func serving(ctx context.Context, client healthpb.HealthClient) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	resp, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: healthService})
	return err == nil && resp.GetStatus() == healthpb.HealthCheckResponse_SERVING
}
