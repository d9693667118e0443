package rpc

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"

	"bookstall/internal/telemetry"
)

// Both ends of a call record the metrics of gRFC A66 and a span by OpenTelemetry's conventions
// for RPC, as grpc-go's stats/opentelemetry and otelgrpc do. Those make the labels of each
// record and the attributes of each span anew, also of one that is not sampled. Here the series
// of a method are looked up once. TestTelemetryOfCalls compares what both record.

// callMetrics are the metrics of calls at a server, or of attempts at a client.
type callMetrics struct {
	started                  *prometheus.CounterVec
	duration, sent, received *prometheus.HistogramVec
}

// callHelp is the help of callMetrics.
type callHelp struct{ started, duration, sent, received string }

// newCallMetrics returns metrics whose names begin with prefix. Those of calls that have ended
// have the label grpc_status besides.
func newCallMetrics(tel *telemetry.Telemetry, prefix string, help callHelp, labels ...string) callMetrics {
	sizes := []float64{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}
	return callMetrics{
		started:  promauto.With(tel.Registry).NewCounterVec(prometheus.CounterOpts{Name: prefix + "_started_total", Help: help.started}, labels),
		duration: newDurations(tel, prefix, help.duration, labels...),
		sent:     newHistogram(tel, prefix+"_sent_total_compressed_message_size_bytes", help.sent, sizes, labels),
		received: newHistogram(tel, prefix+"_rcvd_total_compressed_message_size_bytes", help.received, sizes, labels),
	}
}

// newDurations has a third of the buckets that gRFC A66 proposes: they are most of what a
// scrape carries.
func newDurations(tel *telemetry.Telemetry, prefix, help string, labels ...string) *prometheus.HistogramVec {
	return newHistogram(tel, prefix+"_duration_seconds", help,
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2, 5, 10}, labels)
}

func newHistogram(tel *telemetry.Telemetry, name, help string, buckets []float64, labels []string) *prometheus.HistogramVec {
	opts := prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
	return promauto.With(tel.Registry).NewHistogramVec(telemetry.Histogram(opts, tel.NativeHistograms),
		slices.Concat(labels, []string{"grpc_status"}))
}

// method has the series of one method, and the attributes of its spans.
type method struct {
	started prometheus.ExemplarAdder // nil if its calls are not measured
	ended   byCode[ended]
	span    []trace.SpanStartOption // nil if it stands for several methods
}

// ended are the series of calls of a method that ended with one code.
type ended struct{ duration, sent, received prometheus.ExemplarObserver }

// method returns the method whose labels have these values.
func (m callMetrics) method(values ...string) *method {
	started, _ := m.started.WithLabelValues(values...).(prometheus.ExemplarAdder)
	return &method{started: started, ended: byCode[ended]{make: func(code string) *ended {
		with := slices.Concat(values, []string{code})
		return &ended{observer(m.duration, with), observer(m.sent, with), observer(m.received, with)}
	}}}
}

func observer(of *prometheus.HistogramVec, values []string) prometheus.ExemplarObserver {
	o, _ := of.WithLabelValues(values...).(prometheus.ExemplarObserver) // all of client_golang are
	return o
}

// byCode has a value for each status code, made when it is first asked for.
type byCode[T any] struct {
	make   func(code string) *T
	values [codes.Unauthenticated + 1]atomic.Pointer[T]
}

func (b *byCode[T]) of(code codes.Code) *T {
	if int(code) >= len(b.values) { // from a peer that makes up codes
		return b.make(codeName(code))
	}
	if v := b.values[code].Load(); v != nil {
		return v
	}
	v := b.make(codeName(code))
	b.values[code].Store(v) // of two that come at once, both have the same series
	return v
}

// codeName returns the name of a code in gRPC's specification.
func codeName(code codes.Code) string {
	switch text := code.String(); { // such as DeadlineExceeded, or Code(17)
	case code == codes.OK:
		return "OK"
	case code == codes.Canceled:
		return "CANCELLED"
	case strings.HasSuffix(text, ")"):
		return "CODE(" + strconv.Itoa(int(code)) + ")"
	default:
		var name strings.Builder
		for i, r := range text {
			if i > 0 && r >= 'A' && r <= 'Z' {
				name.WriteByte('_')
			}
			name.WriteRune(r)
		}
		return strings.ToUpper(name.String())
	}
}

// methods are those called so far, by their names with the first slash.
type methods[T any] struct{ known sync.Map }

// of returns the method of a name, made at its first call.
func (m *methods[T]) of(name string, first func() *T) *T {
	known, ok := m.known.Load(name)
	if !ok {
		known, _ = m.known.LoadOrStore(name, first())
	}
	method, _ := known.(*T)
	return method
}

// record is what one end records of one call, or of one attempt.
type record struct {
	*method
	began          time.Time
	span           trace.Span // nil if it is not recorded
	sent, received atomic.Int64
}

// start counts a call.
func (r *record) start(ctx context.Context) {
	if r.started != nil {
		r.started.AddWithExemplar(1, exemplar(ctx))
	}
}

// end records a call that has ended.
func (r *record) end(ctx context.Context, code codes.Code) {
	if r.started == nil {
		return
	}
	example, in := exemplar(ctx), r.ended.of(code)
	in.duration.ObserveWithExemplar(time.Since(r.began).Seconds(), example)
	in.sent.ObserveWithExemplar(float64(r.sent.Load()), example)
	in.received.ObserveWithExemplar(float64(r.received.Load()), example)
}

// count counts the bytes of a message.
func (r *record) count(s stats.RPCStats) {
	switch s := s.(type) {
	case *stats.InPayload:
		r.received.Add(int64(s.CompressedLength))
	case *stats.OutPayload:
		r.sent.Add(int64(s.CompressedLength))
	}
}

// exemplar leads from a metric to a trace; nil if the trace is not sampled.
func exemplar(ctx context.Context) prometheus.Labels {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		return prometheus.Labels{"trace_id": span.TraceID().String(), "span_id": span.SpanID().String()}
	}
	return nil
}

// newTracer returns nil if no spans are exported.
func newTracer(tel *telemetry.Telemetry) trace.Tracer {
	if !telemetry.Exports(tel.TracerProvider) {
		return nil
	}
	return tel.TracerProvider.Tracer("bookstall/internal/rpc")
}

// spanOptions describe the spans of a method, whose name has no slash in front.
func spanOptions(name string, kind trace.SpanKind) []trace.SpanStartOption {
	return []trace.SpanStartOption{
		trace.WithSpanKind(kind),
		trace.WithAttributes(attribute.String("rpc.method", name), attribute.String("rpc.system.name", "grpc")),
	}
}

// startSpan adds a span to ctx, unless spans are off.
func (r *record) startSpan(ctx context.Context, tracer trace.Tracer, name string, kind trace.SpanKind) context.Context {
	if tracer == nil || isHealth(name) {
		return ctx
	}
	name = strings.TrimPrefix(name, "/")
	options := r.method.span
	if options == nil { // one of the other methods
		options = spanOptions(name, kind)
	}
	ctx, span := tracer.Start(ctx, name, options...)
	if span.IsRecording() {
		r.span = span
	}
	return ctx
}

// setServer gives a span the address of the server.
func setServer(span trace.Span, addr net.Addr) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		host = addr.String()
	}
	span.SetAttributes(attribute.String("server.address", host))
	if n, err := strconv.Atoi(port); err == nil {
		span.SetAttributes(attribute.Int("server.port", n))
	}
}

// endSpan ends the span of a call.
func endSpan(span trace.Span, code codes.Code) {
	span.SetAttributes(attribute.String("rpc.response.status_code", codeName(code)))
	span.End()
}
