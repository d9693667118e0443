//go:build !race

package rpc

import (
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

// allocations returns how many allocations both ends of a call make, with a client of grpc-go.
func allocations(t *testing.T, address net.Addr) float64 {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return testing.AllocsPerRun(500, func() {
		if err := conn.Invoke(t.Context(), testMethod, wrapperspb.String("in"), new(wrapperspb.StringValue), grpc.StaticMethod()); err != nil {
			t.Error(err)
		}
	})
}

// What a server does besides grpc-go, with everything on and no trace, is bounded: it is done
// for every call.
func TestAllocationsOfACall(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bare := grpc.NewServer(grpc.ChainUnaryInterceptor(passThrough))
	bare.RegisterService(testDesc(), &replica{})
	served := make(chan error, 1)
	go func() { served <- bare.Serve(listener) }()
	least := allocations(t, listener.Addr())
	bare.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}

	tel := telemetry.New(t.Context(), "test", "replica-1", telemetry.Config{LogLevel: "info"}, io.Discard)
	defer tel.Close()
	server, err := NewServer(ServerConfig{
		Address: "127.0.0.1:0", Service: testService, Readiness: lifecycle.NewReadiness(), Telemetry: tel,
		Limit: Limit{Concurrent: 10, Queue: 10, Streams: 10},
	})
	if err != nil {
		t.Fatal(err)
	}
	server.RegisterService(testDesc(), &replica{})
	go func() { served <- server.Serve() }()
	all := allocations(t, server.Addr())
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	const allowed = 39
	t.Logf("%v allocations, of which %v are grpc-go's", all, least)
	if all-least > allowed {
		t.Errorf("%v allocations a call besides the %v of grpc-go at both ends, want at most %d", all-least, least, allowed)
	}
}
