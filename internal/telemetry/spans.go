package telemetry

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Exports reports whether a provider's spans go anywhere. If not, a server need not make any: its
// context keeps the span of the caller.
func Exports(provider trace.TracerProvider) bool {
	_, off := provider.(noop.TracerProvider)
	return !off
}

// spanCount counts what becomes of sampled spans.
type spanCount struct {
	waiting, exported, lost atomic.Int64

	closed context.Context // ends the exports that are still running when telemetry closes
}

func (c *spanCount) register(reg prometheus.Registerer) {
	for name, counter := range map[string]struct {
		help  string
		value *atomic.Int64
	}{
		"telemetry_spans_exported_total": {"Spans that the collector has accepted.", &c.exported},
		"telemetry_spans_lost_total":     {"Spans that were sampled but not exported: the export failed, or too many were waiting.", &c.lost},
	} {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: counter.help},
			func() float64 { return float64(counter.value.Load()) }))
	}
}

// countedQueue holds no more spans than the queue behind it, which drops what is beyond
// that without a trace.
type countedQueue struct {
	sdktrace.SpanProcessor

	count *spanCount
	most  int64
}

func (q countedQueue) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if q.count.waiting.Add(1) > q.most {
		q.count.waiting.Add(-1)
		q.count.lost.Add(1)
		return
	}
	q.SpanProcessor.OnEnd(span)
}

// countedExporter counts the spans of each export, and ends those that run when telemetry
// closes.
type countedExporter struct {
	sdktrace.SpanExporter

	count *spanCount
}

func (e countedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.count.closed, cancel)()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	n := int64(len(spans))
	e.count.waiting.Add(-n)
	if err != nil {
		e.count.lost.Add(n)
	} else {
		e.count.exported.Add(n)
	}
	return err
}
