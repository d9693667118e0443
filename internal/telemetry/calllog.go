package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// CallLog logs a line for each call of a server. It writes the line that a logr.Logger writes, with a fifth of the
// allocations: keys and values of any type would each be put on the heap. It is safe for concurrent use.
type CallLog struct {
	log    logr.Logger
	under  *zap.Logger // nil if the logger is not from this package
	fields *sync.Pool  // of *callFields
}

type callFields [5]zap.Field

// NewCallLog returns a log of calls that writes to log.
func NewCallLog(log logr.Logger) CallLog {
	l := CallLog{log: log, fields: &sync.Pool{New: func() any { return new(callFields) }}}
	if z, ok := log.GetSink().(zapr.Underlier); ok {
		l.under = z.GetUnderlying()
	}
	return l
}

// Call logs a call that has ended.
func (l CallLog) Call(ctx context.Context, method, code string, took time.Duration) {
	millis := float64(took.Microseconds()) / 1000
	if l.under == nil {
		l.log.Info("call", LogValues(ctx, "method", method, "code", code, "durationMillis", millis)...)
		return
	}
	entry := l.under.Check(zapcore.InfoLevel, "call")
	if entry == nil {
		return
	}
	list, _ := l.fields.Get().(*callFields)
	fields := list[:0]
	if id := RequestID(ctx); id != "" {
		fields = append(fields, zap.String("requestID", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		fields = append(fields, zap.String("traceID", span.TraceID().String()))
	}
	fields = append(fields, zap.String("method", method), zap.String("code", code), zap.Float64("durationMillis", millis))
	entry.Write(fields...) // which does not keep them
	clear(list[:])
	l.fields.Put(list)
}
