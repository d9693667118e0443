package rpc

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

// clientStats records the calls of a client, and their attempts.
type clientStats struct {
	attempts   callMetrics
	calls      *prometheus.HistogramVec
	tracer     trace.Tracer // nil for no spans
	propagator propagation.TextMapPropagator
	methods    methods[calledMethod]
}

// calledMethod is a method with the series of its calls.
type calledMethod struct {
	*method
	calls byCode[prometheus.ExemplarObserver]
}

func newClientStats(tel *telemetry.Telemetry) *clientStats {
	labels := []string{"grpc_method", "grpc_target"}
	return &clientStats{
		attempts: newCallMetrics(tel, "grpc_client_attempt", callHelp{
			started:  "Number of client call attempts started.",
			duration: "End-to-end time taken to complete a client call attempt.",
			sent:     "Compressed message bytes sent per client call attempt.",
			received: "Compressed message bytes received per call attempt.",
		}, labels...),
		calls:  newDurations(tel, "grpc_client_call", "Time taken by gRPC to complete an RPC from application's perspective.", labels...),
		tracer: newTracer(tel), propagator: tel.Propagator,
	}
}

// method returns the method of a call. Those whose names are not in the program's text are
// one, so that there are few.
func (s *clientStats) method(cc *grpc.ClientConn, name string, opts []grpc.CallOption) *calledMethod {
	label := "other"
	for _, o := range opts {
		if _, ok := o.(grpc.StaticMethodCallOption); ok {
			label = name
			break
		}
	}
	return s.methods.of(label, func() *calledMethod {
		values := []string{strings.TrimPrefix(label, "/"), cc.CanonicalTarget()}
		m := &calledMethod{method: s.attempts.method(values...)}
		m.calls.make = func(code string) *prometheus.ExemplarObserver {
			o := observer(s.calls, slices.Concat(values, []string{code}))
			return &o
		}
		if label == name {
			m.span = spanOptions(strings.TrimPrefix(name, "/"), trace.SpanKindClient)
		}
		return m
	})
}

type calledKey struct{}

// unary is the first interceptor of unary calls.
func (s *clientStats) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	began, m := time.Now(), s.method(cc, method, opts)
	err := next(context.WithValue(ctx, calledKey{}, m), method, req, reply, cc, opts...)
	m.end(ctx, began, err)
	return err
}

// stream is the first interceptor of streams.
func (s *clientStats) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	began, m := time.Now(), s.method(cc, method, opts)
	ended := grpc.OnFinish(func(err error) { m.end(ctx, began, err) })
	return next(context.WithValue(ctx, calledKey{}, m), desc, cc, method, slices.Concat(opts, []grpc.CallOption{ended})...)
}

// end records a call that has ended.
func (m *calledMethod) end(ctx context.Context, began time.Time, err error) {
	(*m.calls.of(status.Code(err))).ObserveWithExemplar(time.Since(began).Seconds(), exemplar(ctx))
}

// TagConn implements stats.Handler.
func (*clientStats) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (*clientStats) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler. It is called for each attempt.
func (s *clientStats) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	m, ok := ctx.Value(calledKey{}).(*calledMethod)
	if !ok {
		return ctx
	}
	r := &record{method: m.method, began: time.Now()}
	ctx = r.startSpan(ctx, s.tracer, info.FullMethodName, trace.SpanKindClient)
	var out outgoing
	s.propagator.Inject(ctx, &out)
	if len(out.pairs) > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, out.pairs...)
	}
	return context.WithValue(ctx, recordKey{}, r)
}

// HandleRPC implements stats.Handler.
func (s *clientStats) HandleRPC(ctx context.Context, event stats.RPCStats) {
	r, ok := ctx.Value(recordKey{}).(*record)
	if !ok {
		return
	}
	switch event := event.(type) {
	case *stats.Begin:
		r.start(ctx)
	case *stats.OutHeader:
		if r.span != nil && event.RemoteAddr != nil {
			setServer(r.span, event.RemoteAddr)
		}
	case *stats.End:
		code := status.Code(event.Error)
		r.end(ctx, code)
		if r.span != nil {
			if code != codes.OK {
				r.span.SetStatus(otelcodes.Error, status.Convert(event.Error).Message())
			}
			endSpan(r.span, code)
		}
	default:
		r.count(event)
	}
}

// outgoing collects what a propagator sends with a call.
type outgoing struct{ pairs []string }

// Set implements propagation.TextMapCarrier.
func (c *outgoing) Set(key, value string) { c.pairs = append(c.pairs, key, value) }

// Get implements propagation.TextMapCarrier. Nothing is received here.
func (*outgoing) Get(string) string { return "" }

// Keys implements propagation.TextMapCarrier.
func (*outgoing) Keys() []string { return nil }
