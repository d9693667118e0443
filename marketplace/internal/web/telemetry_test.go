package web

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/trace/noop"

	"bookstall/marketplace/internal/recommend"
)

func TestAccessLog(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/books/1?secret=1", "X-Request-ID", "access-log-1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").want(t, 200)
	lines := s.log.with("access-log-1")
	if len(lines) != 1 {
		t.Fatalf("%d lines of one request: %q", len(lines), lines)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if got["bytes"].(float64) < 1000 || got["durationMillis"].(float64) < 0 {
		t.Errorf("bytes %v, durationMillis %v", got["bytes"], got["durationMillis"])
	}
	delete(got, "bytes")
	delete(got, "durationMillis")
	want := map[string]any{
		"logger": "", "level": 0.0, "msg": "request", "method": "GET", "path": "/books/1", "route": "/books/{id}", "status": 200.0,
		"requestID": "access-log-1", "traceID": "0af7651916cd43dd8448eb211c80319c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("access log (-want +got):\n%s", diff)
	}
	s.do("HEAD", "/books/1", "", "X-Request-ID", "access-log-head")
	if line := strings.Join(s.log.with("access-log-head"), "\n"); !strings.Contains(line, `"status":200,"bytes":0,`) {
		t.Errorf("line of HEAD, to which no body was sent: %s", line)
	}
	s.get("/" + strings.Repeat("x", 3000))
	if line := s.log.with("xxx")[0]; len(line) > 600 || !strings.Contains(line, `"route":"none"`) {
		t.Errorf("line of a long path: %s", line)
	}
	// What would change the look of a line is replaced, whatever shows the log.
	s.get("/hidden%1b[2K%0d%0a%E2%80%AEtxet%00%ff")
	const path = "\"path\":\"/hidden\uFFFD[2K\uFFFD\uFFFD\uFFFDtxet\uFFFD\uFFFD\""
	if line := s.log.with("/hidden")[0]; !strings.Contains(line, path) {
		t.Errorf("line of a path with control characters: %q", line)
	}
}

func TestTraces(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/books/1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	s.get("/")
	s.get("/none")
	s.do("HEAD", "/api/v1/books/1", "")
	var names []string
	for _, span := range s.spans.GetSpans() {
		names = append(names, span.Name)
	}
	if diff := cmp.Diff([]string{"GET /books/{id}", "GET /", "GET none", "HEAD /api/v1/books/{id}"}, names); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if parent := s.spans.GetSpans()[0].Parent; parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("the span's parent is %s", parent.SpanID())
	}
}

// Without spans of its own, the shop passes on the trace of the caller, to the log and to recommendations.
func TestTheTraceOfTheCallerIsPassedOn(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.TracerProvider = noop.NewTracerProvider() })
	s.get("/", "X-Request-ID", "passed-on-1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").want(t, 200)
	lines := s.log.with("passed-on-1")
	if len(lines) != 1 || !strings.Contains(lines[0], `"traceID":"0af7651916cd43dd8448eb211c80319c"`) {
		t.Errorf("access log %q, want a line with the caller's trace", lines)
	}
	if got := s.recommender.trace.SpanID().String(); got != "b7ad6b7169203331" {
		t.Errorf("recommendations are asked within span %s, want the caller's", got)
	}
}

func TestMetrics(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/")
	s.get("/books/1")
	s.get("/books/2")
	s.get("/books/999")
	s.get("/api/v1/none")
	s.do("MADE-UP", "/", "")
	s.recommender.source = recommend.Fallback
	s.get("/api/v1/recommendations?user_id=1")

	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts, exemplars := map[string]uint64{}, 0
	for _, family := range families {
		if family.GetName() != "http_server_request_duration_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			of := map[string]string{}
			for _, label := range metric.GetLabel() {
				of[label.GetName()] = label.GetValue()
			}
			counts[of["method"]+" "+of["route"]+" "+of["status"]] = metric.GetHistogram().GetSampleCount()
			for _, bucket := range metric.GetHistogram().GetBucket() {
				if e := bucket.GetExemplar(); e != nil && e.GetLabel()[0].GetName() == "trace_id" && len(e.GetLabel()[0].GetValue()) == 32 {
					exemplars++
				}
			}
		}
	}
	want := map[string]uint64{
		"GET / 2xx": 1, "GET /books/{id} 2xx": 2, "GET /books/{id} 4xx": 1, "GET none 4xx": 1, "OTHER none 4xx": 1,
		"GET /api/v1/recommendations 2xx": 1,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if exemplars == 0 {
		t.Error("no exemplar has a trace id")
	}
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(`
# HELP http_server_requests_in_flight Requests in progress.
# TYPE http_server_requests_in_flight gauge
http_server_requests_in_flight 0
# HELP web_shelves_total Shelves shown, by source: personal, popular, similar or fallback.
# TYPE web_shelves_total counter
web_shelves_total{source="fallback"} 1
web_shelves_total{source="personal"} 0
web_shelves_total{source="popular"} 3
web_shelves_total{source="similar"} 0
`), "http_server_requests_in_flight", "web_shelves_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(s.registry); err != nil || len(problems) > 0 {
		t.Errorf("names: %v %v", problems, err)
	}
}
