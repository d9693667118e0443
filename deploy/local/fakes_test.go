package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// Environment variables that change how the fakes behave.
const (
	fakeSick     = "BOOKSTALL_TEST_SICK"     // the replica of this name is never SERVING
	fakeStubborn = "BOOKSTALL_TEST_STUBBORN" // SIGTERM is ignored
	fakeChatty   = "BOOKSTALL_TEST_CHATTY"   // marketplace prints lines without end
)

func fakeRecommendations() int {
	name := os.Getenv("RECOMMENDATIONS_NAME")
	ln, err := net.Listen("tcp", os.Getenv("RECOMMENDATIONS_GRPC_ADDRESS"))
	if err != nil {
		return fail(err)
	}
	state := health.NewServer()
	state.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING) // not the service that the runner checks
	status := healthpb.HealthCheckResponse_SERVING
	if sick := os.Getenv(fakeSick); sick != "" && strings.HasPrefix(name, sick+" ") {
		status = healthpb.HealthCheckResponse_NOT_SERVING
	}
	state.SetServingStatus(healthService, status)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, state)
	go func() { _ = server.Serve(ln) }()
	if err := fakeAdmin(os.Getenv("RECOMMENDATIONS_ADMIN_ADDRESS"), http.NewServeMux()); err != nil {
		return fail(err)
	}
	return untilTerm()
}

func fakeMarketplace() int {
	ln, err := net.Listen("tcp", os.Getenv("MARKETPLACE_HTTP_ADDRESS"))
	if err != nil {
		return fail(err)
	}
	go func() {
		_ = http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "a front page")
		}))
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/environment", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(os.Environ())
	})
	if err := fakeAdmin(os.Getenv("MARKETPLACE_ADMIN_ADDRESS"), mux); err != nil {
		return fail(err)
	}
	if os.Getenv(fakeChatty) != "" {
		go func() {
			for line := strings.Repeat("chat ", 200); ; {
				fmt.Println(line)
			}
		}()
	}
	return untilTerm()
}

// fakeAdmin serves the admin address. A connection to it lasts as long as the process.
func fakeAdmin(addr string, mux *http.ServeMux) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(ln, mux) }()
	return nil
}

func untilTerm() int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("up")
	for sig := range signals {
		fmt.Fprintln(os.Stderr, "got", sig)
		if sig == syscall.SIGTERM && os.Getenv(fakeStubborn) == "" {
			break
		}
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "fake:", err)
	return 1
}
