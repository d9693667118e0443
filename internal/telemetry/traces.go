package telemetry

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// newTracerProvider returns a provider that exports by OTLP over gRPC, set up by the
// standard OTEL_* variables, or a no-op if none of them names an endpoint. stop delivers
// what is buffered.
func newTracerProvider(ctx context.Context, service, instance string, lookup func(string) (string, bool)) (
	tp trace.TracerProvider, stop func(context.Context) error, err error,
) {
	on, err := tracesEnabled(lookup)
	if err != nil {
		return nil, nil, err
	}
	if !on {
		return noop.NewTracerProvider(), func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, nil, err
	}
	// The last option wins, so OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override.
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", service),
			attribute.String("service.namespace", "bookstall"),
			attribute.String("service.instance.id", instance),
			attribute.String("service.version", Version()),
		),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	return provider, provider.Shutdown, nil
}

// tracesEnabled reports whether the OTEL_* variables turn tracing on.
func tracesEnabled(lookup func(string) (string, bool)) (bool, error) {
	get := func(name string) string { value, _ := lookup(name); return value }
	if get("OTEL_SDK_DISABLED") == "true" {
		return false, nil
	}
	switch exporter := get("OTEL_TRACES_EXPORTER"); exporter {
	case "", "otlp":
	case "none":
		return false, nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: want otlp or none", exporter)
	}
	if get("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return false, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := get(name); !slices.Contains([]string{"", "grpc"}, protocol) {
			return false, fmt.Errorf("%s=%s: want grpc, the only protocol built in", name, protocol)
		}
	}
	return true, nil
}
