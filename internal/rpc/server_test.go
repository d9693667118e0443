package rpc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

// plainConn returns a plaintext connection to r without the service config of Client.
func plainConn(t *testing.T, r *replica) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(r.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func oneReplica(t *testing.T) *replica {
	t.Helper()
	r, err := startReplica(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHealthStartsNotServing(t *testing.T) {
	ready := lifecycle.NewReadiness()
	checks := newHealth(testService, ready, nil)
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{
		healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING,
	} {
		for _, name := range []string{"", testService} {
			resp, err := checks.Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
			if err != nil || resp.GetStatus() != want {
				t.Errorf("%q: %v, %v; want %v", name, resp.GetStatus(), err, want)
			}
		}
		ready.Set(true, "")
	}
}

// watch opens a health Watch and waits for its first response.
func watch(t *testing.T, conn *grpc.ClientConn) grpc.ServerStreamingClient[healthpb.HealthCheckResponse] {
	t.Helper()
	stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestStopFinishesCallsInFlightAndEndsWatches(t *testing.T) {
	r := oneReplica(t)
	entered, release := make(chan struct{}), make(chan struct{})
	r.answer(func(_ context.Context, in string) (string, error) {
		close(entered)
		<-release
		return in, nil
	})
	conn := plainConn(t, r) // a client that keeps its Watch open
	stream := watch(t, conn)
	answered := make(chan error, 1)
	go func() {
		err := call(conn, 10*time.Second)
		answered <- err
	}()
	<-entered

	stopped := make(chan struct{})
	go func() {
		r.end(t, 10*time.Second)
		close(stopped)
	}()
	for { // perhaps a last status, then the end of the stream
		if _, err := stream.Recv(); err != nil {
			break
		}
	}
	select {
	case <-stopped:
		t.Error("stopped before the call in flight was answered")
	default:
	}
	close(release)
	began := time.Now()
	<-stopped
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Stop took %v after the last call: the Watch delayed it", took)
	}
	if err := <-answered; err != nil {
		t.Errorf("call in flight: %v, want no error", err)
	}
}

func TestStopCutsCallsAtItsDeadline(t *testing.T) {
	r := oneReplica(t)
	entered := make(chan struct{})
	var once sync.Once
	r.answer(func(ctx context.Context, _ string) (string, error) {
		once.Do(func() { close(entered) })
		<-ctx.Done() // until the call is cut
		return "", ctx.Err()
	})
	conn := plainConn(t, r)
	answered := make(chan error, 1)
	go func() {
		err := call(conn, 30*time.Second)
		answered <- err
	}()
	<-entered
	began := time.Now()
	r.end(t, 200*time.Millisecond)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stop took %v", took)
	}
	if err := <-answered; status.Code(err) != codes.Unavailable {
		t.Errorf("call that was cut: %v, want Unavailable", err)
	}
}

func TestRequestIDIsPassedOn(t *testing.T) {
	r := oneReplica(t)
	r.answer(func(ctx context.Context, _ string) (string, error) { return telemetry.RequestID(ctx), nil })
	client := dial(t, "dns:///"+r.Addr().String(), nil)

	ask := func(ctx context.Context, conn grpc.ClientConnInterface) string {
		t.Helper()
		out, err := invoke(ctx, conn)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := ask(telemetry.WithRequestID(t.Context(), "reader-0001"), client); got != "reader-0001" {
		t.Errorf("the request id is %q at the server", got)
	}
	if got := ask(t.Context(), client); !telemetry.ValidRequestID(got) {
		t.Errorf("without a request id the server made %q", got)
	}
	bad := metadata.AppendToOutgoingContext(t.Context(), telemetry.RequestIDMetadata, "a b\"c{}")
	if got := ask(bad, plainConn(t, r)); !telemetry.ValidRequestID(got) {
		t.Errorf("with an invalid request id the server uses %q", got)
	}
}

func TestErrorDetailsDoNotReachTheCaller(t *testing.T) {
	secret := "dial tcp 10.1.2.3:5432: password wrong"
	for name, tc := range map[string]struct {
		do   func() error
		want codes.Code
	}{
		"unknown error":  {func() error { return errors.New(secret) }, codes.Internal},
		"panic":          {func() error { panic(secret) }, codes.Internal},
		"its own status": {func() error { return status.Error(codes.NotFound, "no such book") }, codes.NotFound},
		"cancelled":      {func() error { return context.Canceled }, codes.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			r := oneReplica(t)
			r.answer(func(context.Context, string) (string, error) { return "", tc.do() })
			conn := plainConn(t, r)
			err := call(conn, 5*time.Second)
			if status.Code(err) != tc.want || strings.Contains(err.Error(), "10.1.2.3") {
				t.Errorf("got %v, want %v without the error text", err, tc.want)
			}
			r.answer(func(_ context.Context, in string) (string, error) { return in, nil })
			if err := call(conn, 5*time.Second); err != nil {
				t.Errorf("later call: %v, want no error", err)
			}
		})
	}
}

// Calls run at once that are more than the workers.
func TestCallsBeyondTheWorkers(t *testing.T) {
	r := oneReplica(t)
	const calls = 2 * streamWorkers
	release := make(chan struct{})
	r.answer(func(ctx context.Context, in string) (string, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return in, ctx.Err()
	})
	conn := plainConn(t, r)
	results := make(chan error, calls)
	for range calls {
		go func() { results <- call(conn, 10*time.Second) }()
	}
	waitFor(t, "all calls at once", func() bool { return r.calls.Load() == calls })
	close(release)
	for range calls {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestCloseEndsTheWorkers(t *testing.T) {
	tel := newTelemetry(t)
	before := goleak.IgnoreCurrent()
	s, err := NewServer(ServerConfig{Address: "127.0.0.1:0", Service: testService, Readiness: lifecycle.NewReadiness(), Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}
