package system

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/otlpsink"
	"bookstall/internal/test/programtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal keeps what all processes log.
type journal struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

// lines returns the lines that contain all of parts.
func (j *journal) lines(parts ...string) (list []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for line := range strings.Lines(j.out.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue next
			}
		}
		list = append(list, line)
	}
	return list
}

// TestOneRequestThroughBothPrograms follows one request id and one trace from
// the caller through marketplace into the replica that answered.
func TestOneRequestThroughBothPrograms(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	bin := programtest.Build(t)
	var log journal
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 2, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = f.Close()
		}
	}()

	const id, trace = "one-request-0001", "4bf92f3577b34da6a3ce929d0e0e4736"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/api/v1/recommendations?user_id=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-ID", id)
	req.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Source   string `json:"source"`
		ServedBy string `json:"served_by"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Source != "personal" || answer.ServedBy == "" {
		t.Fatalf("%s: %v", body, err)
	}
	if got := resp.Header.Get("X-Request-ID"); got != id {
		t.Errorf("returned id %q", got)
	}
	closed = true
	if err := f.Close(); err != nil { // which delivers the spans
		t.Error(err)
	}

	for _, program := range []string{`"service":"marketplace"`, `"instance":"` + answer.ServedBy + `"`} {
		if n := len(log.lines(program, `"requestID":"`+id+`"`, `"traceID":"`+trace+`"`)); n != 1 {
			t.Errorf("%d lines of %s with the request's id and trace, want its access line", n, program)
		}
	}
	// The caller's span, then one under the other: page, call, answer.
	parent := "00f067aa0ba902b7"
	for _, want := range []struct{ service, name string }{
		{"marketplace", "GET /api/v1/recommendations"},
		{"marketplace", "recommendations.v1.RecommendationsService/Recommend"},
		{"recommendations", "recommendations.v1.RecommendationsService/Recommend"},
	} {
		found := ""
		for _, s := range sink.Spans() {
			if s.TraceID == trace && s.Service == want.service && s.Name == want.name && s.Parent == parent {
				found = s.ID
			}
		}
		if found == "" {
			t.Fatalf("no span %s of %s under %s in %+v", want.name, want.service, parent, sink.Spans())
		}
		parent = found
	}
}

func TestAProgramThatCannotStartIsReported(t *testing.T) {
	bin := programtest.Build(t)
	_, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 1, MarketplaceArgs: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "--no-such-flag") {
		t.Errorf("got %v", err)
	}
}
