package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
)

// fakeShop serves as a shop with replicas behind it: turn returns the name of the
// replica that answers the n-th call, "" for a fallback.
func fakeShop(t *testing.T, token string, turn func(n int64) string) string {
	t.Helper()
	return fakeShopBelow(t, "", token, turn)
}

// fakeShopBelow serves as a shop that readers reach below a path.
func fakeShopBelow(t *testing.T, path, token string, turn func(n int64) string) string {
	t.Helper()
	var calls atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<html><a href="%s/books/1">One</a>`, path)
	})
	mux.HandleFunc("GET /api/v1/recommendations", func(w http.ResponseWriter, r *http.Request) {
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		by, source := turn(calls.Add(1)-1), "personal"
		if by == "" {
			source = "fallback"
		}
		fmt.Fprintf(w, `{"recommendations":[{"id":1}],"source":%q,"served_by":%q}`, source, by)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func inTurn(names ...string) func(int64) string {
	return func(n int64) string { return names[n%int64(len(names))] }
}

func checkShop(t *testing.T, args ...string) (table string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out strings.Builder
	err = run(ctx, append([]string{"check"}, args...), &out, io.Discard)
	return out.String(), err
}

// The links are below the path of the public URL, by whatever address the check comes.
func TestCheckOfAShopBelowAPath(t *testing.T) {
	if _, err := checkShop(t, "--shop="+fakeShopBelow(t, "/shop", "", inTurn("a"))); err != nil {
		t.Error(err)
	}
}

func TestCheckSucceedsWhenAllReplicasAnswer(t *testing.T) {
	t.Setenv("MARKETPLACE_API_TOKEN", "open-sesame")
	t.Setenv("MARKETPLACE_UNKNOWN", "ignored by check")
	table, err := checkShop(t, "--shop="+fakeShop(t, "open-sesame", inTurn("a", "b", "c")), "--replicas=3")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"front page", "personal", "a ", "60 of 180 calls, 33.3 %"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

func TestCheckWithTheRealPrograms(t *testing.T) {
	f := startFleet(t, fleet.Config{Replicas: 2, MarketplaceArgs: []string{"--recommendations-timeout=5s"}})
	table, err := checkShop(t, "--shop="+f.URL, "--replicas=2", "--timeout=15s")
	if err != nil || !strings.Contains(table, "personal") || !strings.Contains(table, "replica-2") {
		t.Errorf("%v\n%s", err, table)
	}
	if table, err := checkShop(t, "--shop="+f.URL, "--replicas=3", "--timeout=2s"); err == nil || !strings.Contains(err.Error(), "2 replicas answer, want 3") {
		t.Errorf("one replica too few: %v\n%s", err, table)
	}
}

func TestCheckWaitsForALateReplica(t *testing.T) {
	shop := fakeShop(t, "", func(n int64) string {
		if n < 120 {
			return "a"
		}
		return inTurn("a", "b")(n)
	})
	if table, err := checkShop(t, "--shop="+shop, "--replicas=2"); err != nil {
		t.Errorf("%v\n%s", err, table)
	}
}

func TestCheckReportsWhatIsWrong(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	for want, args := range map[string][]string{
		"1 replicas answer, want 2":                 {"--shop=" + fakeShop(t, "", inTurn("a")), "--replicas=2", "--timeout=3s"},
		"a answers 80 of 120 calls, want 60 ± 25 %": {"--shop=" + fakeShop(t, "", inTurn("a", "a", "b")), "--replicas=2", "--timeout=3s"},
		`source "fallback", want books from source`: {"--shop=" + fakeShop(t, "", inTurn(""))},
		"status 401":                            {"--shop=" + fakeShop(t, "open-sesame", inTurn("a"))},
		"front page: status 404":                {"--shop=" + down.URL},
		"connection refused":                    {"--shop=http://127.0.0.1:1"},
		`--shop is "shop:80", want http://HOST`: {"--shop=shop:80"},
		"--replicas is 0, want 1 or more":       {"--shop=http://shop", "--replicas=0"},
		`--shop is "", want http://HOST`:        {},
		"--tolerance is -1, want 0 to 1":        {"--shop=http://shop", "--tolerance=-1"},
		"--tolerance is 7, want 0 to 1":         {"--shop=http://shop", "--tolerance=7"},
		"--tolerance is NaN, want 0 to 1":       {"--shop=http://shop", "--tolerance=NaN"},
		"--timeout is 0s, want 1ms or more":     {"--shop=http://shop", "--timeout=0s"},
	} {
		_, err := checkShop(t, append([]string{"--timeout=1s"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want it to say %s", args, err, want)
		}
	}
}

func TestHealthcheckFollowsReadiness(t *testing.T) {
	healthcheck := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(t.Context(), append([]string{"healthcheck"}, args...), &out, io.Discard)
		return out.String(), err
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, so that the first pull is still under way
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := start(t, "--recommendations-target=dns:///"+silent.Addr().String())
	address := strings.TrimPrefix(p.admin, "http://")
	t.Setenv("MARKETPLACE_UNKNOWN", "ignored by healthcheck")
	t.Setenv("MARKETPLACE_DNS_INTERVAL", "soon")
	if _, err := healthcheck("--address=" + address); err == nil || !strings.Contains(err.Error(), "not ready: starting") {
		t.Errorf("a shop without books: %v", err)
	}
	p.shutDown(t)
	if _, err := healthcheck("--address=" + address); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a stopped shop: %v", err)
	}

	ok := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(ok.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(ok.URL, "http://"), ":")
	t.Setenv("MARKETPLACE_ADMIN_ADDRESS", ":"+port)
	if out, err := healthcheck(); err != nil || out != "127.0.0.1:"+port+": ready\n" {
		t.Errorf("address from the environment: %q, %v", out, err)
	}
	if _, err := healthcheck("--admin-address=127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "set --address") {
		t.Errorf("a port chosen at start: %v", err)
	}
}
