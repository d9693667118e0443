package system

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/otlpsink"
	"bookstall/internal/test/programtest"
)

// tree returns the spans of a trace below a parent, as docs/traces.md has them: what runs at the
// same time by name, and events of one span too.
func tree(spans []otlpsink.Span, trace, parent, indent string) string {
	var children []otlpsink.Span
	for _, s := range spans {
		if s.TraceID == trace && s.Parent == parent {
			children = append(children, s)
		}
	}
	slices.SortFunc(children, func(a, b otlpsink.Span) int {
		return cmp.Or(strings.Compare(describe(a), describe(b)), a.Start.Compare(b.Start))
	})
	var text strings.Builder
	for _, s := range children {
		text.WriteString(indent + describe(s))
		if s.Failed != "" {
			text.WriteString(", " + s.Failed)
		}
		text.WriteString("\n")
		for _, e := range slices.Sorted(strings.Lines(s.Events)) {
			text.WriteString(indent + "  event " + e)
		}
		for link := range strings.Lines(s.Links) {
			to := "a span that is missing"
			if i := slices.IndexFunc(spans, func(other otlpsink.Span) bool { return other.ID+"\n" == link }); i >= 0 {
				to = describe(spans[i])
			}
			text.WriteString(indent + "  link to " + to + "\n")
		}
		text.WriteString(tree(spans, trace, s.ID, indent+"  "))
	}
	return text.String()
}

func describe(s otlpsink.Span) string { return s.Service + ", " + s.Kind + ": " + s.Name }

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

// tracer makes requests whose traces are compared with docs/traces.md.
type tracer struct {
	*reader

	traces map[string]string // by heading
}

const formType = "application/x-www-form-urlencoded"

// parent is the span of whoever asks the shop.
const parent = "00f067aa0ba902b7"

// ask makes a request of a trace of its own.
func (r *tracer) ask(heading string, req *http.Request) (status int, body string) {
	r.t.Helper()
	r.traces[heading] = fmt.Sprintf("%032x", len(r.traces)+1)
	req.Header.Set("X-Request-ID", idOf(heading))
	req.Header.Set("Traceparent", "00-"+r.traces[heading]+"-"+parent+"-01")
	once := *r.client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text := new(strings.Builder)
	if err := resp.Write(text); err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, text.String()
}

// idOf returns the request id of the request of a heading.
func idOf(heading string) string {
	return "request-" + strings.ReplaceAll(strings.ToLower(heading), " ", "-")
}

func (r *tracer) page(path string) *http.Request {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.shop+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	return req
}

func (r *tracer) post(path, kind, body string) *http.Request {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.shop+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	return req
}

func (r *tracer) likes(book string) *http.Request {
	form := url.Values{"book": {book}, "do": {"like"}, "return": {"/"}}
	return r.post("/interactions", formType, form.Encode())
}

func (r *tracer) brings(file string) *http.Request {
	form := new(strings.Builder)
	to := multipart.NewWriter(form)
	part, err := to.CreateFormFile("file", "library.csv")
	if err != nil {
		r.t.Fatal(err)
	}
	_, _ = io.WriteString(part, file) // neither of the two can fail
	_ = to.Close()
	return r.post("/your-books/bring", to.FormDataContentType(), form.String())
}

// runs runs a command of recommendations as a part of a trace of its own.
func (r *tracer) runs(heading string, args ...string) {
	r.t.Helper()
	r.traces[heading] = fmt.Sprintf("%032x", len(r.traces)+1)
	r.t.Setenv("TRACEPARENT", "00-"+r.traces[heading]+"-"+parent+"-01")
	if _, err := fleet.Recommendations(r.t.Context(), programtest.Build(r.t), args...); err != nil {
		r.t.Error(err)
	}
}

// want asks, and checks the status.
func (r *tracer) want(status int, heading string, req *http.Request) string {
	r.t.Helper()
	got, body := r.ask(heading, req)
	if got != status {
		r.t.Errorf("%s: status %d, want %d:\n%s", heading, got, status, body)
	}
	return body
}

// TestTraces compares whole traces with docs/traces.md. The request id of each request is at
// the spans of both programs, in the log, and on the page of an error.
func TestTraces(t *testing.T) {
	sink := collect(t)
	var log journal
	f := start(t, fleet.Config{
		Replicas: 3, Log: &log, MarketplaceArgs: []string{"--faults", "--recommendations-timeout=5s", "--write-timeout=5s"},
		ReplicaArgs: []string{"--faults", "--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
	r := &tracer{newReader(t, f.URL), map[string]string{}}

	r.want(http.StatusOK, "A page", r.page("/books/1"))
	r.want(http.StatusSeeOther, "A like", r.likes("1"))
	r.want(http.StatusOK, "A file of books", r.brings("Title,Authors,Read Status,Star Rating\nEmma,Jane Austen,read,5\nDracula,Bram Stoker,read,4\n"))

	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	follower := &tracer{newReader(t, f.URL), r.traces} // no earlier write has a part in its shelf
	changes := follower.follow(ctx, 0)
	holder(t, f.Replicas())
	follower.want(http.StatusSeeOther, "A like with a live shelf", follower.likes("2"))
	next(t, changes)
	leave()
	for range changes { // until the stream has ended
	}

	// Calls go round: one of the first three meets the replica that fails, and is tried again.
	sick := f.Replicas()[0]
	if err := fleet.Fault(t.Context(), sick.Admin, `{"error_share":1,"code":"UNAVAILABLE"}`); err != nil {
		t.Fatal(err)
	}
	var tried []string
	for ejected := 0.0; ejected == 0; {
		if len(tried) == 1000 {
			t.Fatal("the replica that fails is not ejected")
		}
		heading := fmt.Sprint("A retry ", len(tried))
		r.want(http.StatusOK, heading, r.page("/api/v1/books/1/similar"))
		tried = append(tried, heading)
		var err error
		if ejected, err = fleet.Metric(f.Admin, "discovery_ejected_endpoints"); err != nil {
			t.Fatal(err)
		}
	}
	r.want(http.StatusOK, "An ejected replica", r.page("/api/v1/books/2/similar"))

	// UNAVAILABLE would be tried again; this is not.
	for _, replica := range f.Replicas() {
		if err := fleet.Fault(t.Context(), replica.Admin, `{"error_share":1,"code":"INTERNAL"}`); err != nil {
			t.Fatal(err)
		}
	}
	r.want(http.StatusOK, "A page of bestsellers", r.page("/books/2"))
	// A write of a stream could fail before its message is sent, which gRPC takes for the end.
	forget := r.post("/your-books/forget", formType, url.Values{"sure": {"yes"}}.Encode())
	if body := r.want(http.StatusServiceUnavailable, "An error page", forget); !strings.Contains(body, "<code>"+idOf("An error page")+"</code>") {
		t.Errorf("an error page without the id:\n%s", body)
	}
	for heading, trace := range r.traces { // all of the shop
		log.wait(t, 1, `"service":"marketplace"`, `"msg":"request"`, `"requestID":"`+idOf(heading)+`"`, `"traceID":"`+trace+`"`)
	}
	stop(t, f)

	another := "--store=sqlite:" + filepath.Join(t.TempDir(), "another.db")
	books, ratings := filepath.Join(t.TempDir(), "books.csv"), filepath.Join(t.TempDir(), "ratings.csv")
	for file, text := range map[string]string{
		books:   "book_id,title,author\n1,Emma,Jane Austen\n2,Dracula,Bram Stoker\n",
		ratings: "user_id,book_id,rating\n1,1,5\n1,2,5\n2,1,4\n2,2,4\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.runs("An import", "import", another, "--books="+books, "--ratings="+ratings)
	r.runs("A training", "train", another)

	spans := sink.Spans()
	for _, heading := range tried {
		if trace := r.traces[heading]; strings.Contains(tree(spans, trace, parent, ""), "UNAVAILABLE") {
			if first := r.traces["A retry"]; first != "" {
				t.Errorf("a second call met the replica that fails:\n%s", tree(spans, trace, parent, ""))
			}
			r.traces["A retry"] = trace
			for _, s := range spans {
				if s.TraceID == trace && s.RequestID != "" && s.RequestID != idOf(heading) {
					t.Errorf("the span %s of %s has the request id %s, want %s", s.Name, s.Service, s.RequestID, idOf(heading))
				}
			}
		}
		delete(r.traces, heading)
	}
	compareTraces(t, r.traces, spans)
}

// compareTraces compares traces, by heading, with docs/traces.md.
func compareTraces(t *testing.T, traces map[string]string, spans []otlpsink.Span) {
	t.Helper()
	want := documented(t)
	for heading := range want {
		if traces[heading] == "" {
			t.Errorf("there is no trace of %q", heading)
		}
	}
	for heading, trace := range traces {
		if got := tree(spans, trace, parent, ""); got != want[heading] {
			t.Errorf("%s:\n%swant\n%s", heading, got, want[heading])
		}
		programs := map[string]bool{}
		for _, s := range spans {
			if s.TraceID == trace && s.Kind == "server" {
				programs[s.Service] = true
				if heading != "A retry" && s.RequestID != idOf(heading) {
					t.Errorf("%s: the span %s of %s has the request id %q, want %q", heading, s.Name, s.Service, s.RequestID, idOf(heading))
				}
			}
		}
		if len(programs) != 2 && heading != "An import" && heading != "A training" {
			t.Errorf("%s: spans of %v, want both programs", heading, programs)
		}
	}
}
