package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// healthService is the service whose health is checked, as marketplace does.
	healthService = "recommendations.v1.RecommendationsService"

	// checkEvery is how often a replica that is SERVING is checked, startEvery one that is not:
	// the shop opens once all are.
	checkEvery   = 500 * time.Millisecond
	startEvery   = 25 * time.Millisecond
	checkTimeout = time.Second
)

// watchHealth checks periodically whether the replica at addr is SERVING, as a kubelet
// does, and reports each result. It returns when ctx is done.
func watchHealth(ctx context.Context, addr string, report func(serving bool)) error {
	conn, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		// The default backoff grows to two minutes, but the next check must see a
		// replica that has come back.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: startEvery, Multiplier: 1, MaxDelay: startEvery},
			MinConnectTimeout: checkTimeout,
		}))
	if err != nil {
		return fmt.Errorf("health of %s: %w", addr, err)
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)

	for {
		ok := serving(ctx, client)
		if ctx.Err() != nil {
			return nil
		}
		report(ok)
		pause := startEvery
		if ok {
			pause = checkEvery
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

func serving(ctx context.Context, client healthpb.HealthClient) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	resp, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: healthService})
	return err == nil && resp.GetStatus() == healthpb.HealthCheckResponse_SERVING
}
