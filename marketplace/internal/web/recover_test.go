package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestPanic(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.panics = true
	s.get("/", "X-Request-ID", "panic-page-1").want(t, 500, "Sorry, that went wrong", "panic-page-1").without(t, "secret", "10.1.2.3", "goroutine")
	s.get("/api/v1/recommendations?user_id=1").want(t, 500, `"status":500`).without(t, "secret", "goroutine")

	lines := s.log.with("request panicked")
	if len(lines) != 2 || !strings.Contains(lines[0], "secret") || !strings.Contains(lines[0], "fixture_test.go") ||
		!strings.Contains(lines[0], `"requestID":"panic-page-1"`) || !strings.Contains(lines[0], `"traceID":"`) {
		t.Errorf("log of the panics: %q", lines)
	}
	// A panic is logged like any other 500.
	if access := s.log.with(`"status":500`); len(access) != 2 {
		t.Errorf("access log of the panics: %q", access)
	}
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(`
# HELP http_server_panics_total Requests that panicked and were answered with 500.
# TYPE http_server_panics_total counter
http_server_panics_total 2
`), "http_server_panics_total"); err != nil {
		t.Error(err)
	}
	for _, span := range s.spans.GetSpans() {
		if span.Status.Code.String() != "Error" {
			t.Errorf("span %s has status %v", span.Name, span.Status)
		}
	}
	s.recommender.panics = false
	s.get("/").want(t, 200)
}

// A panic in the middle of a response cuts the connection.
func TestPanicHalfWay(t *testing.T) {
	log := &logLines{}
	s := &shop{Config: Config{Log: log.logger()}, metrics: newMetrics(prometheus.NewRegistry(), false)}
	server := httptest.NewServer(s.recoverPanics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic("half way")
	})))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the answer is %q, %v; want a broken connection", body, err)
	}
	if len(log.with("half way")) != 1 {
		t.Error("the panic is not logged")
	}
}
