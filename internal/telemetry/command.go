package telemetry

import (
	"context"
	"io"
	"os"
	"strings"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Command runs a command of a program as a span, with traces as the OTEL_* variables say, and
// returns the error of do. The span is part of the trace that variables such as TRACEPARENT
// name, or begins one. What is wrong with telemetry is written to out.
func Command(ctx context.Context, service, instance, name string, out io.Writer, do func(context.Context) error) error {
	t := New(ctx, service, instance, Config{LogLevel: "warn", LogFormat: "text"}, out)
	defer t.Close()
	ctx, done := startSpan(t.Propagator.Extract(ctx, variables{}), t.TracerProvider, service+" "+name)
	err := do(ctx)
	done(err)
	return err
}

// Step begins a span of a part of a command. The caller must call done with the error of that
// part.
func Step(ctx context.Context, name string) (_ context.Context, done func(error)) {
	return startSpan(ctx, trace.SpanFromContext(ctx).TracerProvider(), name)
}

func startSpan(ctx context.Context, provider trace.TracerProvider, name string) (_ context.Context, done func(error)) {
	ctx, span := provider.Tracer("bookstall/internal/telemetry").Start(ctx, name) //nolint:spancheck // done ends it
	return ctx, func(err error) {                                                 //nolint:spancheck // the same
		if err != nil {
			span.SetStatus(codes.Error, "") // the text may name a reader
		}
		span.End()
	}
}

// variables reads what propagators read from headers from variables of the environment
// (https://opentelemetry.io/docs/specs/otel/context/env-carriers/).
type variables struct{}

// Get returns the variable of a header.
func (variables) Get(header string) string {
	return os.Getenv(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, header))
}

// Set does nothing: a command starts no other programs.
func (variables) Set(string, string) {}

// Keys returns nothing: no propagator asks for them.
func (variables) Keys() []string { return nil }
