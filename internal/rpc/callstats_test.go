package rpc

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats/opentelemetry"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/internal/telemetry"
)

// both are the options of a server and a client that record calls in tel.
type both struct {
	server func(*testing.T, net.Listener, *telemetry.Telemetry) []grpc.ServerOption
	client func(*testing.T, *telemetry.Telemetry) []grpc.DialOption
	serve  func(*grpc.Server)
}

// ours are the options of this package.
func ours() both {
	var stats *serverStats
	return both{
		server: func(_ *testing.T, l net.Listener, tel *telemetry.Telemetry) []grpc.ServerOption {
			stats = newServerStats(capConnections(l, 10, prometheus.NewRegistry()), tel, false)
			return []grpc.ServerOption{grpc.StatsHandler(stats)}
		},
		client: func(_ *testing.T, tel *telemetry.Telemetry) []grpc.DialOption {
			s := newClientStats(tel)
			return []grpc.DialOption{
				grpc.WithStatsHandler(s), grpc.WithChainUnaryInterceptor(s.unary), grpc.WithChainStreamInterceptor(s.stream),
			}
		},
		serve: func(s *grpc.Server) { stats.register(s.GetServiceInfo()) },
	}
}

// theirs are those of grpc-go and OpenTelemetry.
func theirs() both {
	metrics := func(t *testing.T, tel *telemetry.Telemetry) opentelemetry.Options {
		t.Helper()
		exporter, err := otelprom.New(otelprom.WithRegisterer(tel.Registry), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
		if err != nil {
			t.Fatal(err)
		}
		return opentelemetry.Options{MetricsOptions: opentelemetry.MetricsOptions{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))}}
	}
	spans := func(tel *telemetry.Telemetry) []otelgrpc.Option {
		return []otelgrpc.Option{
			otelgrpc.WithTracerProvider(tel.TracerProvider), otelgrpc.WithPropagators(tel.Propagator),
			otelgrpc.WithMeterProvider(noopmetric.NewMeterProvider()), otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
		}
	}
	return both{
		server: func(t *testing.T, _ net.Listener, tel *telemetry.Telemetry) []grpc.ServerOption {
			t.Helper()
			return []grpc.ServerOption{opentelemetry.ServerOption(metrics(t, tel)), grpc.StatsHandler(otelgrpc.NewServerHandler(spans(tel)...))}
		},
		client: func(t *testing.T, tel *telemetry.Telemetry) []grpc.DialOption {
			t.Helper()
			return []grpc.DialOption{opentelemetry.DialOption(metrics(t, tel)), grpc.WithStatsHandler(otelgrpc.NewClientHandler(spans(tel)...))}
		},
		serve: func(*grpc.Server) {},
	}
}

// endsWithCode answers a call with the code that it names, and says what it knows of the trace.
func endsWithCode(ctx context.Context, in string) (string, error) {
	var code codes.Code
	if _, err := fmt.Sscan(in, &code); err == nil && code != codes.OK {
		return "", status.Error(code, "as asked")
	}
	md, _ := metadata.FromIncomingContext(ctx)
	span := trace.SpanContextFromContext(ctx)
	return fmt.Sprintf("%v %v %v", span.TraceID(), span.IsSampled(), len(md.Get("traceparent"))), nil
}

// passThrough does nothing. The handler of testDesc wants an interceptor.
func passThrough(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	return next(ctx, req)
}

// recorded makes the same calls in every world, and returns the answers of those without an
// error, the metrics and the spans.
func recorded(t *testing.T, of both, sampler sdktrace.Sampler) (answers, metrics, spans []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	exported := tracetest.NewInMemoryExporter()
	tel := func() *telemetry.Telemetry {
		tel := &telemetry.Telemetry{
			Registry: prometheus.NewRegistry(), TracerProvider: noop.NewTracerProvider(),
			Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		}
		if sampler != nil {
			tel.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSyncer(exported), sdktrace.WithSampler(sampler))
		}
		return tel
	}
	serverTel, clientTel := tel(), tel()
	server := grpc.NewServer(append(of.server(t, listener, serverTel), grpc.ChainUnaryInterceptor(passThrough))...)
	answer := handler(endsWithCode)
	r := &replica{}
	r.do.Store(&answer)
	server.RegisterService(testDesc(), r)
	healthpb.RegisterHealthServer(server, health.NewServer())
	of.serve(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(),
		append(of.client(t, clientTel), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}

	parent := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 2}, TraceFlags: trace.FlagsSampled, Remote: true,
	})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), parent)
	get := func(ctx context.Context, in string, opts ...grpc.CallOption) {
		out := new(wrapperspb.StringValue)
		if err := conn.Invoke(ctx, testMethod, wrapperspb.String(in), out, opts...); err == nil {
			answers = append(answers, out.GetValue())
		}
	}
	static := grpc.StaticMethod()
	for code := range codes.Unauthenticated + 3 {
		get(ctx, fmt.Sprint(int(code)), static)
	}
	get(ctx, "a method that is not in the program's text")
	get(t.Context(), "a root", static)
	get(trace.ContextWithRemoteSpanContext(t.Context(), parent.WithTraceFlags(0)), "not sampled", static)
	get(ctx, strings.Repeat("long", 1000), static)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	get(cancelled, "cancelled", static)
	// The server refuses a method that it does not know before it reads the message. If that is
	// before the client wrote it, grpc-go tells the client's stats handlers that the call was OK.
	plain, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/test.Books/None", "/test.None/None"} {
		_ = plain.Invoke(ctx, name, wrapperspb.String(""), new(wrapperspb.StringValue), static)
	}
	if stream, err := conn.NewStream(ctx, &uploadDesc, testUpload, static); err == nil {
		_ = stream.SendMsg(wrapperspb.String("one"))
		_ = stream.SendMsg(wrapperspb.String("two"))
		_ = stream.CloseSend()
		_ = readAll(stream)
	}
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	server.GracefulStop() // all calls have been recorded
	if err := <-served; err != nil {
		t.Error(err)
	}
	conn.Close()
	plain.Close()
	for _, reg := range []*prometheus.Registry{serverTel.Registry, clientTel.Registry} {
		metrics = append(metrics, describe(t, reg)...)
	}
	for _, s := range exported.GetSpans() {
		spans = append(spans, describeSpan(s))
	}
	slices.Sort(spans) // the two ends of a call end at the same time
	return answers, metrics, spans
}

// describe returns a line for each metric, without times and addresses.
func describe(t *testing.T, reg *prometheus.Registry) (lines []string) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			line := fmt.Sprintf("%s %s %q", f.GetName(), f.GetType(), f.GetHelp())
			for _, l := range m.GetLabel() {
				if l.GetName() == "grpc_target" {
					l.Value = new("TARGET")
				}
				line += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
			}
			h := m.GetHistogram()
			line += fmt.Sprint(" ", m.GetCounter().GetValue(), h.GetSampleCount())
			if strings.HasSuffix(f.GetName(), "_bytes") {
				line += fmt.Sprint(" sum ", h.GetSampleSum())
			}
			labels := m.GetCounter().GetExemplar().GetLabel()
			for _, b := range h.GetBucket() {
				labels = append(labels, b.GetExemplar().GetLabel()...)
			}
			names := map[string]bool{}
			for _, l := range labels {
				names[l.GetName()] = true
			}
			lines = append(lines, fmt.Sprint(line, " exemplars ", names))
		}
	}
	return lines
}

// describeSpan returns a line without times, ports and new ids.
func describeSpan(s tracetest.SpanStub) string {
	attributes := []string{}
	for _, a := range s.Attributes {
		if a.Key == "server.port" {
			attributes = append(attributes, fmt.Sprint(a.Key, " ", a.Value.Type()))
			continue
		}
		attributes = append(attributes, fmt.Sprint(a.Key, "=", a.Value.String()))
	}
	slices.Sort(attributes)
	return fmt.Sprint(s.Name, " ", s.SpanKind, " ", s.Status, " ", attributes, " of the parent ", s.Parent.SpanID().String() == "0000000000000002",
		" remote ", s.Parent.IsRemote(), " root ", !s.Parent.IsValid(), " ", len(s.Events))
}

// What is recorded of calls is what grpc-go's and OpenTelemetry's own packages record, with
// fewer buckets.
func TestTelemetryOfCalls(t *testing.T) {
	for name, sampler := range map[string]sdktrace.Sampler{
		"off": nil, "parentbased": sdktrace.ParentBased(sdktrace.AlwaysSample()), "none": sdktrace.NeverSample(), "all": sdktrace.AlwaysSample(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers, metrics, spans := recorded(t, ours(), sampler)
			wantAnswers, wantMetrics, wantSpans := recorded(t, theirs(), sampler)
			for i := range wantAnswers { // a root has an id of its own
				if strings.HasPrefix(wantAnswers[i], strings.Repeat("0", 31)) != strings.HasPrefix(answers[i], strings.Repeat("0", 31)) {
					t.Errorf("answer %q, want %q", answers[i], wantAnswers[i])
				}
				answers[i], wantAnswers[i] = answers[i][32:], wantAnswers[i][32:]
			}
			for what, lists := range map[string][2][]string{"answers": {wantAnswers, answers}, "metrics": {wantMetrics, metrics}, "spans": {wantSpans, spans}} {
				if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
					t.Errorf("%s of grpc-go and OpenTelemetry (-) and ours (+):\n%s", what, diff)
				}
			}
			if sampler == nil == (len(spans) > 0) && name != "none" {
				t.Errorf("%d spans", len(spans))
			}
			if len(metrics) < 50 {
				t.Errorf("%d metrics, want those of every code", len(metrics))
			}
		})
	}
}
