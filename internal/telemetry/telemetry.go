package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
)

// Config is telemetry's part of a program's settings; the tags are kong's. Traces are set
// up by the standard OTEL_* variables.
type Config struct {
	LogLevel string `help:"Lowest level that is logged: debug, info or error." enum:"debug,info,error" default:"info"`
}

// Telemetry holds a program's logger, metrics and traces.
type Telemetry struct {
	Log            logr.Logger
	Registry       *prometheus.Registry
	MeterProvider  metric.MeterProvider // feeds Registry
	TracerProvider trace.TracerProvider // a no-op unless OTEL_* variables name an endpoint
	Propagator     propagation.TextMapPropagator

	shutdown []func(context.Context) error
}

// New sets up telemetry for the program called service; instance is the name of this
// replica. Log lines go to out; the first says what the program was built from. It also sets OpenTelemetry's global logger and error
// handler. The caller must Close it.
func New(ctx context.Context, service, instance string, cfg Config, out io.Writer) (*Telemetry, error) {
	t := &Telemetry{
		Registry:   prometheus.NewRegistry(),
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	lines := newLogWriter(out)
	t.Log = newLogger(cfg.LogLevel, lines, service, instance)
	t.shutdown = append(t.shutdown, func(context.Context) error {
		lines.close(logCloseTimeout)
		return nil
	})
	b := BuildInfo()
	t.Log.Info("starting", "version", b.Version, "revision", b.Revision, "goVersion", b.GoVersion)

	t.Registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newBuildInfo(),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "log_lines_dropped_total",
			Help: "Log lines that were dropped because the reader of the log did not keep up.",
		}, func() float64 { return float64(lines.dropped.Load()) }),
	)
	exporter, err := otelprom.New(
		otelprom.WithRegisterer(t.Registry),
		otelprom.WithoutScopeInfo(),
		otelprom.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	t.MeterProvider = meters
	t.shutdown = append(t.shutdown, meters.Shutdown)

	tracers, stop, err := newTracerProvider(ctx, service, instance, os.LookupEnv)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	t.TracerProvider = tracers
	t.shutdown = append(t.shutdown, stop)

	// The SDK reports failed exports only through these globals.
	otel.SetLogger(t.Log.WithName("otel"))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		t.Log.WithName("otel").Info("telemetry not delivered", "error", err.Error())
	}))
	return t, nil
}

// Close is bounded, so that neither an unreachable collector nor a log without a reader
// holds up the exit.
const (
	closeTimeout    = 3 * time.Second
	logCloseTimeout = time.Second
)

// Close delivers what is buffered, within four seconds. Call it last, after everything
// that creates spans or log lines has stopped.
func (t *Telemetry) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	for i := len(t.shutdown) - 1; i >= 0; i-- {
		errs = append(errs, t.shutdown[i](ctx))
	}
	return errors.Join(errs...)
}
