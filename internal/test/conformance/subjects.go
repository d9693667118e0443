package conformance

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // the client side of healthCheckConfig
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/balance"
)

// Service is the service of the servers, and the name of their health.
const Service = "conformance.Echo"

// retries are the same for all subjects: UNAVAILABLE is retried three times.
const retries = `"methodConfig": [{"name": [{"service": "` + Service + `"}], "retryPolicy": {
	"maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.1s", "backoffMultiplier": 2,
	"retryableStatusCodes": ["UNAVAILABLE"]}}]`

// ServiceConfig returns the service config of a subject that uses a policy in gRPC's
// registry: with the health check and the retries that all subjects have.
func ServiceConfig(policy string) string {
	return fmt.Sprintf(`{"loadBalancingConfig": [{%q: {}}], "healthCheckConfig": {"serviceName": %q}, %s}`, policy, Service, retries)
}

// Ours is package balance. Its options change nothing but what each user has to say.
func Ours() Subject {
	return Subject{Name: "balance", Dial: func(target string) (*grpc.ClientConn, func(), error) {
		b, err := balance.New(
			balance.WithHealthService(Service),
			balance.WithProbe(probe),
			balance.WithServedBy(servedBy),
			balance.WithServiceConfig("{"+retries+"}"),
		)
		if err != nil {
			return nil, nil, err
		}
		conn, err := grpc.NewClient(target, append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			return nil, nil, err
		}
		return conn, func() { b.Close(); conn.Close() }, nil
	}}
}

// Stock is the most that grpc-go offers for a DNS name by itself: its resolver, round_robin,
// the health check and retries.
func Stock() Subject {
	return Subject{Name: "grpc-go", Dial: func(target string) (*grpc.ClientConn, func(), error) {
		conn, err := grpc.NewClient(target,
			grpc.WithDefaultServiceConfig(ServiceConfig("round_robin")),
			grpc.WithDisableServiceConfig(), // DNS has none
			grpc.WithIdleTimeout(0),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
		)
		if err != nil {
			return nil, nil, err
		}
		return conn, func() { conn.Close() }, nil
	}}
}

// probe is the call of balance.WithProbe.
func probe(ctx context.Context, conn grpc.ClientConnInterface) error {
	return conn.Invoke(ctx, probeMethod, wrapperspb.String(""), new(wrapperspb.StringValue))
}

// servedBy returns the name that a server has put into its answer.
func servedBy(reply any) string {
	answer, ok := reply.(*wrapperspb.StringValue)
	if !ok {
		return ""
	}
	return answer.GetValue()
}

// call makes one call.
func call(ctx context.Context, conn grpc.ClientConnInterface) error {
	return conn.Invoke(ctx, callMethod, wrapperspb.String("hello"), new(wrapperspb.StringValue))
}
