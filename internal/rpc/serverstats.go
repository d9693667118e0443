package rpc

import (
	"context"
	"maps"
	"slices"
	"time"

	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"bookstall/internal/telemetry"
)

// serverStats is all that a server does at the events of a call: one stats.Handler, since
// grpc-go calls each of them seven times a call.
type serverStats struct {
	*connections
	metrics    callMetrics
	unmeasured bool
	tracer     trace.Tracer // nil for no spans
	propagator propagation.TextMapPropagator

	registered map[string]bool // names of the server's methods; set before it serves
	methods    methods[method]
}

func newServerStats(c *connections, tel *telemetry.Telemetry, unmeasured bool) *serverStats {
	return &serverStats{
		connections: c, unmeasured: unmeasured,
		metrics: newCallMetrics(tel, "grpc_server_call", callHelp{
			started:  "Number of server calls started.",
			duration: "End-to-end time taken to complete a call from server transport's perspective.",
			sent:     "Compressed message bytes sent per server call.",
			received: "Compressed message bytes received per server call.",
		}, "grpc_method"),
		tracer: newTracer(tel), propagator: tel.Propagator,
	}
}

// register takes the methods of the server's services.
func (s *serverStats) register(services map[string]grpc.ServiceInfo) {
	s.registered = map[string]bool{}
	for service, info := range services {
		for _, m := range info.Methods {
			s.registered["/"+service+"/"+m.Name] = true
		}
	}
}

// method returns the method of a name. All that the server does not have are one, so that
// callers cannot make up labels.
func (s *serverStats) method(name string) *method {
	if s.unmeasured {
		return &method{}
	}
	if !s.registered[name] {
		const other = "other"
		return s.methods.of(other, func() *method { return s.metrics.method(other) })
	}
	return s.methods.of(name, func() *method {
		m := s.metrics.method(name[1:])
		m.span = spanOptions(name[1:], trace.SpanKindServer)
		return m
	})
}

// recordKey is also the key of the record of a client.
type recordKey struct{}

// TagRPC implements stats.Handler. The goroutine of a call runs it first.
func (s *serverStats) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	var r *record
	if w := arrivalOf(ctx); w != nil {
		w.runs()
		r = &w.record
	} else { // a server of another package
		r = new(record)
		ctx = context.WithValue(ctx, recordKey{}, r)
	}
	r.method, r.began = s.method(info.FullMethodName), time.Now()
	ctx = s.propagator.Extract(ctx, incoming(headerOf(ctx)))
	return r.startSpan(ctx, s.tracer, info.FullMethodName, trace.SpanKindServer)
}

// HandleRPC implements stats.Handler.
func (s *serverStats) HandleRPC(ctx context.Context, event stats.RPCStats) {
	r, ok := ctx.Value(recordKey{}).(*record)
	if !ok {
		return
	}
	switch event := event.(type) {
	case *stats.InHeader:
		r.start(ctx)
		if r.span != nil && event.LocalAddr != nil {
			setServer(r.span, event.LocalAddr)
		}
	case *stats.End:
		code := status.Code(event.Error)
		r.end(ctx, code)
		if r.span != nil {
			if isFault(code) {
				r.span.SetStatus(otelcodes.Error, status.Convert(event.Error).Message())
			}
			endSpan(r.span, code)
		}
	default:
		r.count(event)
	}
}

// isFault reports whether a code says that the server failed. The others say that the caller
// did, or that it went away.
func isFault(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}

// incoming gives a propagator the headers of a call, without a copy of them.
type incoming metadata.MD

// Get implements propagation.TextMapCarrier.
func (c incoming) Get(key string) string {
	if values := metadata.MD(c).Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier. Nothing is sent here.
func (incoming) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (c incoming) Keys() []string { return slices.Collect(maps.Keys(c)) }
