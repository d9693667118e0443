package telemetry

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"bookstall/internal/otlpsink"
)

// A command that fails has exported its spans when it returns, as a part of the trace of whoever
// started it, and no line is written.
func TestCommand(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	const traceID, starter = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	t.Setenv("TRACEPARENT", "00-"+traceID+"-"+starter+"-01")
	var out bytes.Buffer
	wrong := errors.New("the file is damaged")
	err = Command(t.Context(), "recommendations", "job-1", "import", &out, func(ctx context.Context) error {
		_, done := Step(ctx, "read")
		done(nil)
		_, done = Step(ctx, "write")
		done(wrong)
		return wrong
	})
	if !errors.Is(err, wrong) || out.Len() > 0 {
		t.Errorf("Command returned %v, and wrote %q", err, out.String())
	}
	got := map[string]otlpsink.Span{}
	for _, s := range sink.Spans() {
		got[s.Name] = s
	}
	root := got["recommendations import"]
	if root.TraceID != traceID || root.Parent != starter || root.Failed != "error" || root.Service != "recommendations" || root.Instance != "job-1" {
		t.Errorf("the span of the command is %+v", root)
	}
	for name, failed := range map[string]string{"read": "", "write": "error"} {
		if s := got[name]; s.Parent != root.ID || s.TraceID != traceID || s.Failed != failed {
			t.Errorf("the span of %s is %+v", name, s)
		}
	}
}
