package rpc

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// CheckHealth checks the health of service, or of the whole server if service is "", at
// address (host:port) in plaintext. It returns nil only if the status is SERVING. Give ctx
// a deadline: nothing else bounds the wait.
func CheckHealth(ctx context.Context, address, service string) error {
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
	)
	if err != nil {
		return fmt.Errorf("health of %s: %w", address, err)
	}
	defer conn.Close()
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	switch {
	case status.Code(err) == codes.NotFound:
		return fmt.Errorf("health of %s: it has no service %q", address, service)
	case status.Code(err) == codes.DeadlineExceeded:
		return fmt.Errorf("health of %s: no answer in time", address)
	case err != nil:
		return fmt.Errorf("health of %s: %s", address, status.Convert(err).Message())
	case resp.GetStatus() != healthpb.HealthCheckResponse_SERVING:
		return fmt.Errorf("health of %s: %s", address, resp.GetStatus())
	}
	return nil
}
