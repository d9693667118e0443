package tutorial

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"bookstall/internal/telemetry"
	"bookstall/internal/test/programtest"
)

func TestREST(t *testing.T) {
	var log bytes.Buffer
	tel := telemetry.New(t.Context(), "recommendations", "replica-1", telemetry.Config{LogLevel: "info"}, &log)
	server, err := ListenREST("127.0.0.1:0", tel)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	base := "http://" + server.Addr().String()

	for _, test := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/v1/process-name?name=test", 200, `{"name":"TEST"}`},
		{"/api/v1/process-name?name=" + url.QueryEscape("Zoë <b>"), 200, `{"name":"ZOË \u003cB\u003e"}`},
		{"/api/v1/process-name", 200, `{"name":""}`}, // as over gRPC
		{"/api/v1/process-name?name=%ff", 400, `"detail":"name is not UTF-8"`},
		{"/api/v1/process-name?name=" + strings.Repeat("a", 1001), 400, `name has 1001 bytes, want at most 1000`},
		{"/api/v1/other", 404, "The only resource is GET /api/v1/process-name?name=."},
	} {
		resp, body := programtest.Get(t, base+test.path, "X-Request-ID", "test-rest-1")
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) || !json.Valid([]byte(body)) {
			t.Errorf("%.60s: %d %s", test.path, resp.StatusCode, body)
		}
		wantType := "application/json"
		if test.status != http.StatusOK {
			wantType = "application/problem+json"
		}
		if resp.Header.Get("Content-Type") != wantType || resp.Header.Get("X-Request-ID") != "test-rest-1" {
			t.Errorf("%.60s: headers %v", test.path, resp.Header)
		}
	}
	if resp, _ := programtest.Get(t, base+"/api/v1/process-name", "X-Request-ID", "bad id"); !telemetry.ValidRequestID(resp.Header.Get("X-Request-ID")) {
		t.Errorf("new request id %q", resp.Header.Get("X-Request-ID"))
	}
	if n, err := testutil.GatherAndCount(tel.Registry, "tutorial_rest_requests_total"); err != nil || n != 3 {
		t.Errorf("%d statuses counted, %v; want 200, 400 and 404", n, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	tel.Close()
	if n := strings.Count(log.String(), `"requestID":"test-rest-1"`); n != 6 {
		t.Errorf("%d lines with the id, want 6:\n%s", n, log.String())
	}
}

func TestRESTInvalidAddress(t *testing.T) {
	tel := telemetry.New(t.Context(), "recommendations", "replica-1", telemetry.Config{LogLevel: "info"}, &bytes.Buffer{})
	defer tel.Close()
	if _, err := ListenREST("256.0.0.1:1", tel); err == nil || !strings.Contains(err.Error(), "tutorial REST address") {
		t.Errorf("got %v, want an error that names the address", err)
	}
}
