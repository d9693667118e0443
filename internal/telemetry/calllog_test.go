package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel/trace"
)

// A line of a call is that which a logr.Logger writes, in each form of the log.
func TestCallLog(t *testing.T) {
	traced := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	when := regexp.MustCompile(`\d{4}-\d\d-\d\dT[^"\s]+`)
	for _, format := range []string{"json", "text"} {
		for name, ctx := range map[string]context.Context{
			"neither": t.Context(), "an id": WithRequestID(t.Context(), "request-1"), "a trace": traced, "both": WithRequestID(traced, "request-2"),
		} {
			var out bytes.Buffer
			log := newLogger(Config{LogLevel: "info", LogFormat: format}, &out, "service", "instance")
			log.Info("call", LogValues(ctx, "method", "/a/B", "code", "OK", "durationMillis", float64(1234)/1000)...)
			NewCallLog(log).Call(ctx, "/a/B", "OK", 1234567*time.Nanosecond)
			lines := strings.Split(when.ReplaceAllString(out.String(), "TIME"), "\n")
			if len(lines) != 3 || lines[0] != lines[1] || !strings.Contains(lines[0], "durationMillis") {
				t.Errorf("%s, %s:\n%s", format, name, out.String())
			}
		}
	}
}

// No line is written below the level of the log.
func TestCallLogLevel(t *testing.T) {
	var out bytes.Buffer
	NewCallLog(newLogger(Config{LogLevel: "warn", LogFormat: "json"}, &out, "service", "instance")).Call(t.Context(), "/a/B", "OK", 0)
	if out.Len() > 0 {
		t.Error(out.String())
	}
}

// Another logger gets the keys and values.
func TestCallLogOfAnotherLogger(t *testing.T) {
	var got map[string]any
	log := funcr.NewJSON(func(line string) {
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Error(err)
		}
	}, funcr.Options{})
	NewCallLog(log).Call(t.Context(), "/a/B", "OK", time.Millisecond)
	if got["msg"] != "call" || got["method"] != "/a/B" || got["code"] != "OK" || got["durationMillis"] != 1.0 {
		t.Error(got)
	}
}

func BenchmarkCallLog(b *testing.B) {
	w := newLogWriter(io.Discard)
	defer w.close(time.Second)
	log := NewCallLog(newLogger(Config{LogLevel: "info", LogFormat: "json"}, w, "service", "instance"))
	ctx := WithRequestID(b.Context(), "01HZX3F9T6ZQ1V5Y8N0C2M4K7P")
	b.ReportAllocs()
	for b.Loop() {
		log.Call(ctx, "/recommendations.v1.RecommendationsService/Recommend", "OK", 123*time.Microsecond)
	}
}
