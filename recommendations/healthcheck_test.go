package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func check(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(within(t, 10*time.Second), append([]string{"healthcheck"}, args...), &out, io.Discard)
	return out.String(), err
}

func TestHealthcheckOfTheProgram(t *testing.T) {
	p := start(t)
	serving(t, p.dial(t), "")
	_, port, _ := net.SplitHostPort(p.grpcAddress)
	t.Setenv("RECOMMENDATIONS_GRPC_ADDRESS", ":"+port)
	t.Setenv("RECOMMENDATIONS_UNKNOWN", "is the business of serve")
	t.Setenv("RECOMMENDATIONS_WORKERS", "many, and none of its business")
	for _, args := range [][]string{nil, {"--address=" + p.grpcAddress}, {"--service="}, {"--grpc-address=" + p.grpcAddress}} {
		if out, err := check(t, args...); err != nil || !strings.HasSuffix(out, " is SERVING\n") {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
	if _, err := check(t, "--service=shop.Books"); err == nil || !strings.Contains(err.Error(), `no service "shop.Books"`) {
		t.Errorf("unknown service: %v, want an error that names it", err)
	}
	p.Stop()
	if err := <-p.Ended; err != nil {
		t.Error(err)
	}
	if _, err := check(t); err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("health after the program ended: %v, want connection refused, on one line", err)
	}
}

// TestHealthcheckAsksThePlaintextPortWithTLS: another server, which is NOT_SERVING,
// listens there.
func TestHealthcheckAsksThePlaintextPortWithTLS(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, checks := grpc.NewServer(), health.NewServer()
	checks.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(s, checks)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	defer func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	t.Setenv("RECOMMENDATIONS_TLS_CERT_FILE", "cert.pem")
	t.Setenv("RECOMMENDATIONS_HEALTH_ADDRESS", listener.Addr().String())
	t.Setenv("RECOMMENDATIONS_GRPC_ADDRESS", "127.0.0.1:1")
	if _, err := check(t, "--service="); err == nil || !strings.Contains(err.Error(), "NOT_SERVING") {
		t.Errorf("health with TLS settings: %v, want NOT_SERVING", err)
	}
}
