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

// Config is the part of a program's settings that telemetry reads. The struct
// tags are flags; the OTEL_* variables are the standard's own.
type Config struct {
	LogLevel string `help:"Log lines of this level and above: debug, info or error." enum:"debug,info,error" default:"info"`
}

// Telemetry is what a program observes itself with.
type Telemetry struct {
	Log            logr.Logger
	Registry       *prometheus.Registry
	MeterProvider  metric.MeterProvider // feeds Registry
	TracerProvider trace.TracerProvider // a no-op unless OTEL_* names an exporter
	Propagator     propagation.TextMapPropagator

	shutdown []func(context.Context) error
}

// New sets up telemetry for the program called service; instance tells its
// replicas apart. Log lines go to out.
func New(ctx context.Context, service, instance string, cfg Config, out io.Writer) (*Telemetry, error) {
	t := &Telemetry{
		Registry:   prometheus.NewRegistry(),
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	lines := newLogWriter(out)
	t.Log = newLogger(cfg.LogLevel, lines, service, instance)
	t.shutdown = append(t.shutdown, func(context.Context) error {
		lines.close(logPatience)
		return nil
	})

	t.Registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newBuildInfo(),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "log_lines_dropped_total",
			Help: "Log lines that were not written because their reader did not keep up.",
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

	// The SDK has no other way to say that an export failed.
	otel.SetLogger(t.Log.WithName("otel"))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		t.Log.WithName("otel").Info("telemetry is not delivered", "error", err.Error())
	}))
	return t, nil
}

// Close is bounded: neither a collector that is away nor a log that nobody reads
// must hold up the end.
const (
	closeTimeout = 3 * time.Second
	logPatience  = time.Second
)

// Close delivers what is buffered, within four seconds. It comes last in the
// life of a program, after all that makes spans or log lines.
func (t *Telemetry) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	for i := len(t.shutdown) - 1; i >= 0; i-- {
		errs = append(errs, t.shutdown[i](ctx))
	}
	return errors.Join(errs...)
}
