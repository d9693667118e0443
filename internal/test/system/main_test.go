package system

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/otlpsink"
	"bookstall/internal/test/programtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts the built programs, unless cfg names others, until the end of the test.
func start(t *testing.T, cfg fleet.Config) *fleet.Fleet {
	t.Helper()
	if cfg.Bin == "" {
		cfg.Bin = programtest.Build(t)
	}
	f, err := fleet.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// collect starts a receiver of traces until the end of the test, and makes the
// programs export to it.
func collect(t *testing.T) *otlpsink.Sink {
	t.Helper()
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	return sink
}

// stop stops all processes, which export their last spans before they exit.
func stop(t *testing.T, f *fleet.Fleet) {
	t.Helper()
	if err := f.Marketplace.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	for _, r := range f.Replicas() {
		if err := r.Stop(10 * time.Second); err != nil {
			t.Error(err)
		}
	}
}

// span returns the id of the span of a trace below a parent that a service
// exported, and ends the test if there is none. With a name "", any will do.
func span(t *testing.T, sink *otlpsink.Sink, trace, parent, service, name string) string {
	t.Helper()
	for _, s := range sink.Spans() {
		if s.TraceID == trace && s.Parent == parent && s.Service == service && (name == "" || s.Name == name) {
			return s.ID
		}
	}
	t.Fatalf("trace %s: no span %s of %s below %s in %+v", trace, name, service, parent, sink.Spans())
	return ""
}

// journal keeps the log of all processes.
type journal struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

// count returns how many lines contain all of parts.
func (j *journal) count(parts ...string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for line := range strings.Lines(j.out.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue next
			}
		}
		n++
	}
	return n
}

// wait waits until n lines contain all of parts: a call's line is written after its
// answer.
func (j *journal) wait(t *testing.T, n int, parts ...string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); j.count(parts...) < n && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if got := j.count(parts...); got != n {
		t.Errorf("%d lines with %q, want %d", got, parts, n)
	}
}
