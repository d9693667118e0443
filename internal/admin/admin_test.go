package admin

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/goleak"

	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, cfg Config) (get func(path, accept string) (int, string, http.Header)) {
	t.Helper()
	cfg.Address, cfg.Log = "127.0.0.1:0", logr.Discard()
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func(path, accept string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body), resp.Header
	}
}

func TestReadinessFollowsTheProcessAndLivenessDoesNot(t *testing.T) {
	ready := lifecycle.NewReadiness()
	get := serve(t, Config{Readiness: ready, Registry: prometheus.NewRegistry()})
	if code, body, _ := get("/readyz", ""); code != 503 || !strings.Contains(body, "starting") {
		t.Errorf("starting: %d %q", code, body)
	}
	ready.Set(true, "")
	if code, _, _ := get("/readyz", ""); code != 200 {
		t.Errorf("/readyz while ready: %d, want 200", code)
	}
	ready.Drain()
	if code, body, _ := get("/readyz", ""); code != 503 || !strings.Contains(body, "draining") {
		t.Errorf("draining: %d %q", code, body)
	}
	if code, _, _ := get("/livez", ""); code != 200 {
		t.Errorf("/livez while draining: %d, want 200", code)
	}
}

func TestMetricsCarryExemplars(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "sold_total", Help: "Books sold."})
	reg.MustRegister(c)
	c.(prometheus.ExemplarAdder).AddWithExemplar(1, prometheus.Labels{"trace_id": "abc"})
	get := serve(t, Config{Readiness: lifecycle.NewReadiness(), Registry: reg})
	code, body, header := get("/metrics", "application/openmetrics-text; version=1.0.0")
	if code != 200 || !strings.Contains(body, `sold_total 1.0 # {trace_id="abc"}`) {
		t.Errorf("%d %s:\n%s", code, header.Get("Content-Type"), body)
	}
}

// Whoever asks for compressed metrics gets them in a fraction of the bytes.
func TestMetricsAreCompressed(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector())
	h, err := handler(Config{Readiness: lifecycle.NewReadiness(), Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]*httptest.ResponseRecorder{}
	for _, encoding := range []string{"gzip", "identity"} {
		req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
		req.Header.Set("Accept-Encoding", encoding)
		answers[encoding] = httptest.NewRecorder()
		h.ServeHTTP(answers[encoding], req)
	}
	plain, packed := answers["identity"].Body, answers["gzip"].Body
	if got := answers["gzip"].Header().Get("Content-Encoding"); got != "gzip" || packed.Len() > plain.Len()/3 {
		t.Errorf("%d bytes of encoding %q, %d without", packed.Len(), got, plain.Len())
	}
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(unpacked); err != nil || !strings.Contains(string(text), "go_goroutines ") {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestPprofIsOffByDefault(t *testing.T) {
	for _, on := range []bool{false, true} {
		get := serve(t, Config{Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry(), Pprof: on})
		want := map[bool]int{false: 404, true: 200}[on]
		if code, _, _ := get("/debug/pprof/", ""); code != want {
			t.Errorf("pprof %v: %d, want %d", on, code, want)
		}
	}
}

func TestBuildInfo(t *testing.T) {
	get := serve(t, Config{Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry()})
	_, body, _ := get("/buildinfo", "")
	var b telemetry.Build
	if err := json.Unmarshal([]byte(body), &b); err != nil || b.GoVersion == "" {
		t.Errorf("%s: %v", body, err)
	}
}

func TestListenFailsOnAnAddressInUse(t *testing.T) {
	first, err := Listen(Config{Address: "127.0.0.1:0", Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Listen(Config{Address: first.Addr().String(), Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry()}); err == nil {
		t.Error("the same address was bound twice")
	}
}

func TestFaultsAreServedOnlyWhenConfigured(t *testing.T) {
	for want, faults := range map[int]http.Handler{
		404: nil,
		418: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	} {
		get := serve(t, Config{Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry(), Faults: faults})
		if code, _, _ := get("/debug/fault", ""); code != want {
			t.Errorf("%d, want %d", code, want)
		}
	}
}

// BenchmarkScrape serves a thousand series, compressed, as Prometheus asks for them.
func BenchmarkScrape(b *testing.B) {
	reg := prometheus.NewRegistry()
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_server_request_duration_seconds", Help: "Time to answer a request.", Buckets: prometheus.DefBuckets,
	}, []string{"route", "method", "status"})
	reg.MustRegister(durations)
	for i := range 1000 / (len(prometheus.DefBuckets) + 3) { // and +Inf, sum and count
		durations.WithLabelValues(fmt.Sprintf("/books/%d", i), http.MethodGet, "2xx").Observe(float64(i) / 100)
	}
	h, err := handler(Config{Readiness: lifecycle.NewReadiness(), Registry: reg})
	if err != nil {
		b.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		b.ReportMetric(float64(w.Body.Len()), "B")
	}
}
