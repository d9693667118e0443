package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"bookstall/internal/test/interop"
	"bookstall/internal/test/programtest"
)

func TestTutorialIsOffByDefault(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t))
	for _, path := range []string{"/tutorial", "/api/v1/say-hello?name=test"} {
		if resp, _ := programtest.Get(t, p.shop+path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	p.shutDown(t)
}

// While recommendations is unavailable, page and API answer without delay and without
// internal addresses.
func TestExamplesWhileRecommendationsIsAway(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t), "--tutorial")
	resp, body := programtest.Get(t, p.shop+"/tutorial?say=one+two")
	if resp.StatusCode != http.StatusOK || strings.Count(body, "away for a moment") != 7 || strings.Contains(body, "127.0.0.1") {
		t.Errorf("page: %d\n%s", resp.StatusCode, body)
	}
	for _, test := range []struct {
		query  string
		status int
		want   string
	}{
		{"name=test", 503, "Recommendations is away for a moment."},
		{"name=test&via=rest", 503, "Recommendations is away for a moment."},
		{"name=test&via=rest-once", 503, "Recommendations is away for a moment."},
		{"", 400, `{"field":"name","reason":"is required"}`},
		{"name=test&via=soap", 400, "must be one of grpc, rest, rest-once"},
		{"name=test&x=1", 400, "is not known here; allowed are name, via"},
		{"name=%ff", 400, "must be UTF-8"},
		{"name=" + strings.Repeat("a", 201), 400, "at most 200 characters"},
	} {
		resp, body := programtest.Get(t, p.shop+"/api/v1/say-hello?"+test.query, "X-Request-ID", "say-hello-test")
		var problem struct {
			RequestID string `json:"request_id"`
		}
		err := json.Unmarshal([]byte(body), &problem)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) || strings.Contains(body, "127.0.0.1") || err != nil ||
			problem.RequestID != "say-hello-test" || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.40s: %d %v %s", test.query, resp.StatusCode, resp.Header, body)
		}
	}
	p.shutDown(t)
}

// The shop works with a server as in the tutorials: without health service and REST, and
// with its own greeting.
func TestExamplesOfAPythonServer(t *testing.T) {
	python := interop.NewPython(t).Serve(t)
	p := start(t, "--catalog-file="+catalogFile(t), "--tutorial", "--recommendations-target=dns:///"+python.Address,
		"--tutorial-rest-target=dns:///127.0.0.1:1")
	resp, body := programtest.Get(t, p.shop+"/tutorial?say=one+two+three")
	if resp.StatusCode != http.StatusOK || strings.Contains(body, `class="notice"`) {
		t.Errorf("page: %d\n%s", resp.StatusCode, body)
	}
	for _, want := range []string{
		"Hello reader from Python!", "A Python Romance", "Love in Snakes", "<code>10</code> python 10", "<code>5</code> streamed 5",
		"<li>one</li><li>two</li><li>three</li>", "Python received one two three", "Python received 3 messages",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	resp, body = programtest.Get(t, p.shop+"/api/v1/say-hello?name=test", "X-Request-ID", "for-python-1")
	if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != `"Hello, TEST!"` {
		t.Errorf("say-hello: %d %s", resp.StatusCode, body)
	}
	if got := python.Line(); got != "ProcessName for-python-1" {
		t.Errorf("the server printed %q, want the request id", got)
	}
	p.shutDown(t)
}

func TestTheRESTTargetIsChecked(t *testing.T) {
	err := run(t.Context(), []string{"--tutorial-rest-target=somewhere"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--tutorial-rest-target") || !strings.Contains(err.Error(), "dns:///NAME:PORT") {
		t.Errorf("got %v", err)
	}
}
