package rpc

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

// BenchmarkCall makes calls over loopback, one after the other, through all that both ends do at
// each: limits, deadlines, ids, metrics, the access log.
func BenchmarkCall(b *testing.B) {
	newTelemetry := func(name string) *telemetry.Telemetry {
		tel := telemetry.New(b.Context(), "bench", name, telemetry.Config{LogLevel: "info"}, io.Discard)
		b.Cleanup(tel.Close)
		return tel
	}
	r := &replica{ready: lifecycle.NewReadiness(), served: make(chan error, 1)}
	var err error
	if r.Server, err = NewServer(ServerConfig{
		Address: "127.0.0.1:0", Service: testService, Readiness: r.ready, Telemetry: newTelemetry("server"),
		Limit: Limit{Concurrent: 256, Queue: 256, Wait: time.Second, Streams: 10},
	}); err != nil {
		b.Fatal(err)
	}
	r.RegisterService(testDesc(), r)
	r.ready.Set(true, "")
	go func() { r.served <- r.Serve() }()
	client, err := NewClient(ClientConfig{
		Target: "dns:///" + r.Addr().String(), Service: testService, DNSInterval: time.Minute, DNSMaxStale: time.Minute, Telemetry: newTelemetry("client"),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := client.Close(); err != nil {
			b.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			b.Error(err)
		}
		if err := <-r.served; err != nil {
			b.Error(err)
		}
	})
	in, out := wrapperspb.String("a question"), new(wrapperspb.StringValue)
	call := func() {
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		if err := client.Invoke(ctx, testMethod, in, out, grpc.WaitForReady(true)); err != nil {
			b.Fatal(err)
		}
	}
	call() // the first one waits for the connection
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}
