package telemetry

import (
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// FuzzRequestID checks that a valid id has only characters that are safe in a header,
// and that any id is logged on one line, a valid one unchanged.
func FuzzRequestID(f *testing.F) {
	for _, id := range []string{"request-1", "short", "a.b_c-D9", "12345678\n", "12345678\r\nSet-Cookie: a=b", "\"12345678", "ümlaut-12", strings.Repeat("x", 129)} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		unsafe := func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", r)
		}
		want := len(id) >= 8 && len(id) <= 128 && !strings.ContainsFunc(id, unsafe)
		if got := ValidRequestID(id); got != want {
			t.Fatalf("ValidRequestID(%q) is %v", id, got)
		}
		tel, out := newTest(t, "info")
		Logger(WithRequestID(t.Context(), id), tel.Log).Info("sold") // invalid ids too: not all callers check
		tel.Close()
		got := lines(t, out)
		if len(got) != 1 || want && got[0]["requestID"] != id {
			t.Errorf("%q is logged as %v", id, got)
		}
	})
}

// FuzzTraceContext checks that a valid span context has the ids of the headers and is
// passed on unchanged, and that no header causes a panic.
func FuzzTraceContext(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
	f.Add("00-00000000000000000000000000000000-00f067aa0ba902b7-01", "")
	f.Add("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "=")
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-x", strings.Repeat("a=1,", 40))
	f.Add("00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01", "\xff=\x00")
	tel, _ := newTest(f, "info")
	f.Cleanup(tel.Close)
	f.Fuzz(func(t *testing.T, parent, state string) {
		ctx := tel.Propagator.Extract(t.Context(), propagation.HeaderCarrier{"Traceparent": {parent}, "Tracestate": {state}})
		span := trace.SpanContextFromContext(ctx)
		if !span.IsValid() {
			return
		}
		if !strings.Contains(parent, span.TraceID().String()+"-"+span.SpanID().String()) {
			t.Errorf("%q is read as %v", parent, span)
		}
		header := http.Header{}
		tel.Propagator.Inject(ctx, propagation.HeaderCarrier(header))
		back := trace.SpanContextFromContext(tel.Propagator.Extract(t.Context(), propagation.HeaderCarrier(header)))
		if !back.Equal(span) {
			t.Errorf("%q %q: %v is read back as %v from %v", parent, state, span, back, header)
		}
	})
}
