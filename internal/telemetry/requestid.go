package telemetry

import (
	"context"
	"crypto/rand"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// RequestIDHeader carries the request id over HTTP, RequestIDMetadata over gRPC. Both are written as
// net/http and grpc-go keep them: for any other form they would make another string at each use.
const (
	RequestIDHeader   = "X-Request-Id"
	RequestIDMetadata = "x-request-id"
)

// requestID is a context that carries a request id. Unlike that of context.WithValue, it needs no memory for the text besides.
type requestID struct {
	context.Context

	id string
}

type requestIDKey struct{}

// Value implements context.Context.
func (c *requestID) Value(key any) any {
	if key == (requestIDKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// ValidRequestID reports whether a caller's id may be used: 8 to 128 letters, digits,
// dots, underscores and hyphens, which are safe in a log line and a header.
func ValidRequestID(id string) bool {
	if len(id) < 8 || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// NewRequestID returns a random id of 26 characters.
func NewRequestID() string { return rand.Text() }

// WithRequestID returns a context that carries id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return &requestID{ctx, id}
}

// RequestID returns the id that ctx carries, "" for none.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(requestIDKey{}).(*requestID); ok {
		return c.id
	}
	return ""
}

// requestIDAttribute is the attribute of a server's span that has the request id.
const requestIDAttribute = "request.id"

// TagSpan gives the span of ctx the request id of ctx, so that the id which an error page shows
// finds the trace.
func TagSpan(ctx context.Context) {
	span, id := trace.SpanFromContext(ctx), RequestID(ctx)
	if span.IsRecording() && id != "" {
		span.SetAttributes(attribute.String(requestIDAttribute, id))
	}
}

// Event adds an event with a cause to the span of ctx.
func Event(ctx context.Context, name, cause string) {
	trace.SpanFromContext(ctx).AddEvent(name, trace.WithAttributes(attribute.String("cause", cause)))
}

// Logger returns log with the request id and the trace id of ctx, if any, as values.
func Logger(ctx context.Context, log logr.Logger) logr.Logger {
	if values := LogValues(ctx); len(values) > 0 {
		return log.WithValues(values...)
	}
	return log
}

// LogValues returns the request id and the trace id of ctx, if any, as keys and values of a
// log line, followed by more. For a single line this is cheaper than Logger.
func LogValues(ctx context.Context, more ...any) []any {
	values := make([]any, 0, 4+len(more))
	if id := RequestID(ctx); id != "" {
		values = append(values, "requestID", id)
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		values = append(values, "traceID", span.TraceID().String())
	}
	return append(values, more...)
}
