package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"bookstall/internal/otlpsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTest(tb testing.TB, level string) (*Telemetry, *bytes.Buffer) {
	tb.Helper()
	var out bytes.Buffer
	tel := New(tb.Context(), "shop", "shop-1", Config{LogLevel: level}, &out)
	return tel, &out
}

// lines returns the lines that a test has logged, without the first of each program.
func lines(t *testing.T, out *bytes.Buffer) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("not JSON: %s", line)
		}
		if m["msg"] != "starting" {
			list = append(list, m)
		}
	}
	return list
}

func TestLogLinesAreJSONWithRequestAndTrace(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	tel, out := newTest(t, "info")
	ctx := WithRequestID(t.Context(), "request-1")
	ctx, span := tel.TracerProvider.Tracer("test").Start(ctx, "sell")
	Logger(ctx, tel.Log).Info("sold", "books", 2)
	Logger(ctx, tel.Log).V(1).Info("too much detail")
	span.End()
	tel.Close()

	got := lines(t, out)
	if len(got) != 2 || got[0]["msg"] != "traces are exported" {
		t.Fatalf("%d lines at info, want that traces are exported, and one more:\n%s", len(got), out)
	}
	for key, want := range map[string]any{
		"msg": "sold", "level": "info", "service": "shop", "instance": "shop-1", "requestID": "request-1",
		"traceID": span.SpanContext().TraceID().String(), "books": 2.0,
	} {
		if got[1][key] != want {
			t.Errorf("%s is %v, want %v", key, got[1][key], want)
		}
	}
	spans := sink.Spans()
	if len(spans) != 1 || spans[0].Name != "sell" || spans[0].Service != "shop" {
		t.Errorf("exported %+v, want the span sell of shop, because Close exports buffered spans", spans)
	}
}

func TestLogLevels(t *testing.T) {
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		tel, out := newTest(t, level)
		tel.Log.V(1).Info("detail")
		tel.Log.Info("news")
		Warn(tel.Log.WithName("part").WithValues("key", "value"), "look at this", "cause", "none")
		tel.Log.Error(nil, "trouble")
		tel.Close()
		if got := len(lines(t, out)); got != want {
			t.Errorf("%s: %d lines, want %d", level, got, want)
		}
	}
}

func TestTextLog(t *testing.T) {
	var out strings.Builder
	tel := New(t.Context(), "shop", "shop-1", Config{LogLevel: "info", LogFormat: "text"}, &out)
	Warn(tel.Log, "sold out", "book", 7)
	tel.Close()
	if text := out.String(); !strings.Contains(text, "\twarn\tsold out\t{") || !strings.Contains(text, `"book": 7`) {
		t.Error(text)
	}
}

func TestRequestIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"abcdefgh": true, "A.b_c-1234567": true, strings.Repeat("x", 128): true,
		"": false, "short": false, strings.Repeat("x", 129): false, "with space": false, "line\nbreak": false, "ünïcödé-id": false,
	} {
		if got := ValidRequestID(id); got != want {
			t.Errorf("%q: %v, want %v", id, got, want)
		}
	}
	if a, b := NewRequestID(), NewRequestID(); !ValidRequestID(a) || a == b {
		t.Errorf("new ids are %q and %q, want them valid and different", a, b)
	}
}

// stuck is an output that blocks until it is released.
type stuck struct{ release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.release
	return len(p), nil
}

func TestABlockedLogOutputBlocksNobody(t *testing.T) {
	out := stuck{release: make(chan struct{})}
	defer close(out.release)
	tel := New(t.Context(), "shop", "shop-1", Config{LogLevel: "info"}, out)
	for range 2 * logQueue {
		tel.Log.Info("line")
	}
	if n, err := testutil.GatherAndCount(tel.Registry, "log_lines_dropped_total"); err != nil || n != 1 {
		t.Errorf("log_lines_dropped_total: %d, %v", n, err)
	}
	began := time.Now()
	tel.Close()
	if took := time.Since(began); took > closeTimeout+logCloseTimeout+time.Second {
		t.Errorf("Close took %v", took)
	}
}

// gated blocks its first write until it is released, and keeps what is written.
type gated struct {
	entered, release chan struct{}
	writes           []string
}

func (g *gated) Write(p []byte) (int, error) {
	if len(g.writes) == 0 {
		close(g.entered)
		<-g.release
	}
	g.writes = append(g.writes, string(p))
	return len(p), nil
}

// A line is written at once if none came before it for a while. Under load those that come within the pause are written
// together, and none is lost when the log closes.
func TestLinesThatFollowEachOtherAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &gated{entered: make(chan struct{}), release: make(chan struct{})}
		close(out.release)
		w := newLogWriter(out)
		log := func(line string) {
			if _, err := w.Write([]byte(line)); err != nil {
				t.Error(err)
			}
			synctest.Wait() // the writer is idle, or pauses
		}
		log("first\n")
		log("second\n")
		log("third\n")
		time.Sleep(2 * logPause)
		log("at once\n")
		log("last\n")
		w.close(time.Minute)
		if diff := cmp.Diff([]string{"first\n", "second\nthird\n", "at once\n", "last\n"}, out.writes); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
}

// Lines that wait are written together, whole and in their order, and none is lost.
func TestLinesThatWaitAreWrittenTogether(t *testing.T) {
	out := &gated{entered: make(chan struct{}), release: make(chan struct{})}
	w := newLogWriter(out)
	var want strings.Builder
	log := func(line string) {
		want.WriteString(line)
		if _, err := w.Write([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	log("first\n")
	<-out.entered
	for i := range 1000 {
		length := 100
		if i == 500 {
			length = 2 * logBatch
		}
		log(strings.Repeat("x", length) + "\n")
	}
	close(out.release)
	w.close(time.Minute)
	if strings.Join(out.writes, "") != want.String() {
		t.Error("lines are lost, or in another order")
	}
	for _, batch := range out.writes {
		if !strings.HasSuffix(batch, "\n") || len(batch) > logBatch && strings.Count(batch, "\n") > 1 {
			t.Errorf("%d bytes are written at once", len(batch))
		}
	}
	if n := len(out.writes); n > 40 {
		t.Errorf("%d writes for 1,000 lines of 100 bytes", n)
	}
}
