package system

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/otlpsink"
)

// tree returns the spans of a trace below a parent, as docs/traces.md has them.
func tree(spans []otlpsink.Span, trace, parent, indent string) string {
	var parts []string
	for _, s := range spans {
		if s.TraceID != trace || s.Parent != parent {
			continue
		}
		text := indent + s.Service + ", " + s.Kind + ": " + s.Name + "\n"
		for e := range strings.Lines(s.Events) {
			text += indent + "  event " + e
		}
		parts = append(parts, text+tree(spans, trace, s.ID, indent+"  "))
	}
	slices.Sort(parts) // spans come in any order
	return strings.Join(parts, "")
}

// documented returns the trees of docs/traces.md, by heading.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/traces.md")
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)\n## ([^\n]+)\n.*?\n```\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
		trees[m[1]] = m[2]
	}
	return trees
}

// TestTraces compares whole traces with docs/traces.md. The request id of each request is at
// the spans of both programs, and on the page of an error.
func TestTraces(t *testing.T) {
	sink := collect(t)
	var log journal
	f := start(t, fleet.Config{
		Replicas: 2, Log: &log, MarketplaceArgs: []string{"--faults", "--recommendations-timeout=5s", "--write-timeout=5s"},
		ReplicaArgs: []string{"--faults", "--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
	r := newReader(t, f.URL)
	traces := map[string]string{} // by heading
	ask := func(heading, id, trace string, req *http.Request) (status int, body string) {
		t.Helper()
		traces[heading] = trace
		req.Header.Set("X-Request-ID", id)
		req.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		once := *r.client
		once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := once.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text := new(strings.Builder)
		if err := resp.Write(text); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, text.String()
	}
	get := func(path string) *http.Request {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	like := func() *http.Request {
		form := url.Values{"book": {"1"}, "do": {"like"}, "return": {"/"}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/interactions", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return req
	}
	ids := map[string]string{"A page": "request-page", "A like": "request-like", "A page of bestsellers": "request-fallback", "An error page": "request-error"}

	if status, _ := ask("A page", ids["A page"], "11111111111111111111111111111111", get("/books/1")); status != http.StatusOK {
		t.Errorf("a page: %d", status)
	}
	if status, _ := ask("A like", ids["A like"], "22222222222222222222222222222222", like()); status != http.StatusSeeOther {
		t.Errorf("a like: %d", status)
	}
	// UNAVAILABLE would be tried again; this is not.
	for _, replica := range f.Replicas() {
		if err := fleet.Fault(t.Context(), replica.Admin, `{"error_share":1,"code":"INTERNAL"}`); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := ask("A page of bestsellers", ids["A page of bestsellers"], "33333333333333333333333333333333", get("/books/2")); status != http.StatusOK {
		t.Errorf("a page of bestsellers: %d", status)
	}
	status, body := ask("An error page", ids["An error page"], "44444444444444444444444444444444", like())
	if status < 500 || !strings.Contains(body, "<code>"+ids["An error page"]+"</code>") {
		t.Errorf("an error page: %d, without the id:\n%s", status, body)
	}
	for heading, id := range ids {
		log.wait(t, 1, `"service":"marketplace"`, `"msg":"request"`, `"requestID":"`+id+`"`, `"traceID":"`+traces[heading]+`"`)
	}
	stop(t, f)

	want, spans := documented(t), sink.Spans()
	if len(want) != len(traces) {
		t.Errorf("docs/traces.md has %d trees, want %d", len(want), len(traces))
	}
	for heading, trace := range traces {
		if got := tree(spans, trace, "00f067aa0ba902b7", ""); got != want[heading] {
			t.Errorf("%s:\n%swant\n%s", heading, got, want[heading])
		}
		programs := map[string]bool{}
		for _, s := range spans {
			if s.TraceID == trace && s.Kind == "server" {
				programs[s.Service] = true
				if s.RequestID != ids[heading] {
					t.Errorf("%s: the span %s of %s has the request id %q, want %q", heading, s.Name, s.Service, s.RequestID, ids[heading])
				}
			}
		}
		if len(programs) != 2 {
			t.Errorf("%s: spans of %v, want both programs", heading, programs)
		}
	}
}
