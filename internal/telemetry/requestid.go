package telemetry

import (
	"context"
	"crypto/rand"
	"regexp"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// RequestIDHeader carries the request id over HTTP, RequestIDMetadata over gRPC.
const (
	RequestIDHeader   = "X-Request-ID"
	RequestIDMetadata = "x-request-id"
)

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{8,128}$`)

type requestIDKey struct{}

// ValidRequestID reports whether a caller's id may be used: 8 to 128 letters, digits,
// dots, underscores and hyphens, which are safe in a log line and a header.
func ValidRequestID(id string) bool { return requestIDPattern.MatchString(id) }

// NewRequestID returns a random id of 26 characters.
func NewRequestID() string { return rand.Text() }

// WithRequestID returns a context that carries id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id that ctx carries, "" for none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// requestIDAttribute is the attribute of a server's span that has the request id.
const requestIDAttribute = "request.id"

// TagSpan gives the span of ctx the request id of ctx, so that the id which an error page shows
// finds the trace.
func TagSpan(ctx context.Context) {
	if id := RequestID(ctx); id != "" {
		trace.SpanFromContext(ctx).SetAttributes(attribute.String(requestIDAttribute, id))
	}
}

// Event adds an event with a cause to the span of ctx.
func Event(ctx context.Context, name, cause string) {
	trace.SpanFromContext(ctx).AddEvent(name, trace.WithAttributes(attribute.String("cause", cause)))
}

// Logger returns log with the request id and the trace id of ctx, if any, as values.
func Logger(ctx context.Context, log logr.Logger) logr.Logger {
	if id := RequestID(ctx); id != "" {
		log = log.WithValues("requestID", id)
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		log = log.WithValues("traceID", span.TraceID().String())
	}
	return log
}
