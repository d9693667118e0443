package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// limit bounds every wait of these tests. None of them comes near it.
const limit = 30 * time.Second

// TestMain lets the test binary act as the programs that the runner starts, depending
// on the name it is called by, and as a runner that tests can kill.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "marketplace":
		os.Exit(fakeMarketplace())
	case "recommendations":
		os.Exit(fakeRecommendations())
	case "puppet":
		os.Exit(puppetMain(os.Args[1]))
	}
	if encoded := os.Getenv(runnerVariable); encoded != "" {
		os.Exit(runnerMain(encoded))
	}
	// With the race detector, a program sleeps for a second before it exits. That would
	// exceed the 5 s of a shutdown.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		os.Exit(fail(err))
	}
	goleak.VerifyTestMain(m)
}

// binary links the test binary under these names and returns the directory.
func binary(t *testing.T, names ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// testLayout returns a layout with three replicas on free ports. Nothing reserves the
// ports.
func testLayout(t *testing.T) layout {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP (-short): starts the built programs")
	}
	if err := bindTCP("127.0.0.2:0"); err != nil {
		t.Skipf("SKIP (counted): this machine has no 127.0.0.2 (see the note of make run for how to add it): %v", err)
	}
	l := layout{
		bin:       binary(t, "marketplace", "recommendations"),
		state:     filepath.Join(t.TempDir(), "state"),
		shop:      freeAddr(t, "127.0.0.1"),
		shopAdmin: freeAddr(t, "127.0.0.1"),
		dns:       freeAddr(t, "127.0.0.1"),
		dnsName:   "recommendations.bookstall.test.",
	}
	port := commonPort(t, "127.0.0.2", "127.0.0.3", "127.0.0.4")
	for i := 1; i <= 3; i++ {
		ip := fmt.Sprintf("127.0.0.%d", i+1)
		l.replicas = append(l.replicas, replica{
			name:  fmt.Sprintf("replica-%d", i),
			grpc:  net.JoinHostPort(ip, port),
			admin: freeAddr(t, ip),
		})
	}
	l.only = replica{name: "replica-1", grpc: freeAddr(t, "127.0.0.1"), admin: freeAddr(t, "127.0.0.1")}
	return l
}

func freeAddr(t *testing.T, ip string) string {
	t.Helper()
	return net.JoinHostPort(ip, commonPort(t, ip))
}

// commonPort returns a port that is free on all ips.
func commonPort(t *testing.T, ips ...string) string {
	t.Helper()
	for range 50 {
		ln, err := net.Listen("tcp", net.JoinHostPort(ips[0], "0"))
		if err != nil {
			t.Fatal(err)
		}
		port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
		free := true
		for _, ip := range ips[1:] {
			free = free && bindTCP(net.JoinHostPort(ip, port)) == nil
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		if free {
			return port
		}
	}
	t.Fatalf("no port is free on all of %v", ips)
	return ""
}

// within fails the test if done is not closed within limit.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s: want it within %v", what, limit)
	}
}

func TestFlags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-h"}, 0, "-bin directory"},
		{[]string{"-ports", "1"}, 2, "-ports"},
		{[]string{"now"}, 2, `got ["now"]`},
		{[]string{"-replicas", "0"}, 2, "-replicas is 0, want 1 to 20"},
		{[]string{"-replicas", "21"}, 2, "-replicas is 21, want 1 to 20"},
		{[]string{"-bin", t.TempDir()}, 1, "does not exist; run make build"},
	} {
		var stdout, stderr console
		if code := run(t.Context(), tc.args, &stdout, &stderr); code != tc.code {
			t.Errorf("run(%q) = %d, want %d", tc.args, code, tc.code)
		}
		if !stderr.contains(tc.says) || stdout.text() != "" {
			t.Errorf("run(%q) prints %q, and %q to standard error; want nothing, and %q", tc.args, stdout.text(), stderr.text(), tc.says)
		}
	}
}
