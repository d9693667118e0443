package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config is telemetry's part of a program's settings; the tags are kong's. Traces are set
// up by the standard OTEL_* variables.
type Config struct {
	LogLevel  string `help:"Lowest level that is logged: debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
	LogFormat string `help:"Form of the log: json, or text for people." enum:"json,text" default:"json"`

	NativeHistograms bool `help:"Serve histograms as native ones too, beside their buckets, to a Prometheus that asks for them."`
}

// Telemetry holds a program's logger, metrics and traces.
type Telemetry struct {
	Log            logr.Logger
	Registry       *prometheus.Registry
	TracerProvider trace.TracerProvider // a no-op unless OTEL_* variables name an endpoint
	Propagator     propagation.TextMapPropagator

	// NativeHistograms is for Histogram: whether histograms are native too.
	NativeHistograms bool

	lines *logWriter
	spans spanCount
	// stopTraces exports what is waiting, until ctx ends. It is nil if traces are off.
	stopTraces func(ctx context.Context)
}

// New sets up telemetry for the program called service; instance is the name of this
// replica. Log lines go to out; the first says what the program was built from. New also
// sets the default of log/slog, and OpenTelemetry's global logger and error handler. The
// caller must Close it.
func New(ctx context.Context, service, instance string, cfg Config, out io.Writer) *Telemetry {
	// Until it has a logger, the SDK writes text to standard error, by three ways. What it
	// says about variables while it is set up is reported by startTraces.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))

	t := &Telemetry{Registry: prometheus.NewRegistry(), NativeHistograms: cfg.NativeHistograms, lines: newLogWriter(out)}
	t.Log = newLogger(cfg, t.lines, service, instance)
	b := BuildInfo()
	t.Log.Info("starting", "version", b.Version, "revision", b.Revision, "goVersion", b.GoVersion)

	t.Registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newBuildInfo(),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "log_lines_dropped_total",
			Help: "Log lines that were dropped because the reader of the log did not keep up.",
		}, func() float64 { return float64(t.lines.dropped.Load()) }),
	)
	t.spans.register(t.Registry)
	t.startTraces(ctx, service, instance)
	return t
}

// startTraces sets up traces and the SDK's own log as the OTEL_* variables say. Whatever
// they say, the program runs: what cannot be used is a warning.
func (t *Telemetry) startTraces(ctx context.Context, service, instance string) {
	log := t.Log.WithName("otel")
	t.TracerProvider = noop.NewTracerProvider()
	env := newEnvironment(os.Environ(), func(p problem) {
		Warn(log, "telemetry setting ignored", "variable", p.name, "value", p.value, "reason", p.reason)
	})
	settings := readTracing(env)
	t.Propagator = settings.propagator

	if settings.endpoint != nil {
		closed, cut := context.WithCancel(context.WithoutCancel(ctx))
		t.spans.closed = closed
		provider, err := settings.provider(ctx, service, instance, &t.spans)
		if err != nil {
			cut()
			Warn(log, "traces are off", "endpoint", settings.endpoint.shown(), "error", err.Error())
		} else {
			log.Info("traces are exported", "endpoint", settings.endpoint.shown(), "protocol", settings.endpoint.protocol())
			t.TracerProvider = provider
			t.stopTraces = func(ctx context.Context) {
				defer cut()
				if err := provider.Shutdown(ctx); err != nil {
					Warn(log, "telemetry not delivered", "error", err.Error())
				}
			}
		}
	}
	slog.SetDefault(Slog(t.Log)) // also for libraries that use package log
	otel.SetLogger(logr.New(sdkLog{LogSink: log.GetSink(), most: settings.sdkVerbosity}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		Warn(log, "telemetry not delivered", "error", err.Error())
	}))
}

// Close is bounded, so that neither an unreachable collector nor a log without a reader
// holds up the exit.
const (
	closeTimeout    = 3 * time.Second
	logCloseTimeout = time.Second
)

// Close delivers what is buffered, within four seconds. Call it last, after everything
// that creates spans or log lines has stopped. What cannot be delivered is counted in the
// log; it is no failure of the program.
func (t *Telemetry) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if t.stopTraces != nil {
		t.stopTraces(ctx)
		if lost := t.spans.lost.Load() + t.spans.waiting.Load(); lost > 0 {
			Warn(t.Log.WithName("otel"), "spans lost", "spans", lost, "exported", t.spans.exported.Load())
		}
	}
	t.lines.close(logCloseTimeout)
}
