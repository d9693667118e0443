package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// tracing is what the OTEL_* variables say about traces.
type tracing struct {
	propagator propagation.TextMapPropagator
	endpoint   *endpoint // nil if no traces are exported
	headers    map[string]string
	gzip       bool
	timeout    time.Duration // of an export; 0 for none
	tls        *tls.Config

	attributes []attribute.KeyValue
	sampler    sdktrace.Sampler
	limits     sdktrace.SpanLimits
	batch      batch

	sdkVerbosity int // of the SDK's own log
}

type batch struct {
	delay, timeout time.Duration
	size, queue    int
}

// endpoint is where spans go.
type endpoint struct {
	http   bool   // OTLP over HTTP, else over gRPC
	target string // a URL for HTTP, a target of gRPC otherwise
	plain  bool   // without TLS
}

func (e endpoint) protocol() string {
	if e.http {
		return protocolHTTP
	}
	return protocolGRPC
}

// shown returns the target without a password.
func (e endpoint) shown() string {
	if u, err := url.Parse(e.target); err == nil {
		return u.Redacted()
	}
	return e.target
}

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
)

// readTracing reads all variables, whether or not traces are exported, so that each
// mistake is reported.
func readTracing(e *environment) tracing {
	verbosities := map[string]int{"none": -2, "error": -1, "warn": 1, "info": 4, "debug": 8}
	t := tracing{propagator: readPropagator(e), sdkVerbosity: verbosities["warn"]}
	if e.boolean("OTEL_SDK_DISABLED") {
		return t
	}
	t.endpoint = readEndpoint(e)
	t.headers = map[string]string{}
	for _, name := range slices.Backward(signal("HEADERS")) { // the signal's own win
		for _, p := range e.pairs(name) {
			t.headers[strings.ToLower(p.key)] = p.value
		}
	}
	t.gzip = oneOf(e, signal("COMPRESSION"), false, map[string]bool{"gzip": true, "none": false})
	t.timeout = e.milliseconds(10*time.Second, signal("TIMEOUT")...)
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.certificates(), Certificates: e.clientCertificate()}

	for _, p := range e.pairs("OTEL_RESOURCE_ATTRIBUTES") {
		t.attributes = append(t.attributes, attribute.String(p.key, p.value))
	}
	if name := e.get("OTEL_SERVICE_NAME"); name != "" {
		t.attributes = append(t.attributes, attribute.String("service.name", name))
	}
	t.sampler = readSampler(e)
	t.limits = readLimits(e)
	t.batch = readBatch(e)
	t.sdkVerbosity = oneOf(e, []string{"OTEL_LOG_LEVEL"}, t.sdkVerbosity, verbosities)
	readOthers(e)
	e.ignoreUnused()
	return t
}

func readPropagator(e *environment) propagation.TextMapPropagator {
	const name = "OTEL_PROPAGATORS"
	var known, unknown []string
	for _, entry := range e.list(name) {
		entry = strings.ToLower(entry)
		if _, err := autoprop.TextMapPropagator(entry); err != nil {
			unknown = append(unknown, entry)
		} else {
			known = append(known, entry)
		}
	}
	if len(unknown) > 0 {
		e.ignore(name, "want tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace or none; left out: "+strings.Join(unknown, ", "))
	}
	if len(known) == 0 {
		known = []string{"tracecontext", "baggage"}
	}
	propagator, _ := autoprop.TextMapPropagator(known...) // all are known
	return propagator
}

// readEndpoint returns nil if no traces are to be exported. Unlike in the specification,
// that is so if no variable asks for them.
func readEndpoint(e *environment) *endpoint {
	const exporter = "OTEL_TRACES_EXPORTER"
	wanted, refused := false, []string{}
	exporters := e.list(exporter)
	for _, name := range exporters {
		switch strings.ToLower(name) {
		case "otlp":
			wanted = true
		case "none":
		default:
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		e.ignore(exporter, "want otlp or none; left out: "+strings.Join(refused, ", "))
	}
	known := map[string]string{protocolGRPC: protocolGRPC, protocolHTTP: protocolHTTP}
	http := oneOf(e, signal("PROTOCOL"), protocolGRPC, known) == protocolHTTP
	names := signal("INSECURE")
	plain := e.boolean(append(names, "OTEL_EXPORTER_OTLP_SPAN_INSECURE")...)
	own := signal("ENDPOINT")[0]
	to := first(e, signal("ENDPOINT"), nil, func(name, value string) (*endpoint, error) {
		if http {
			return httpEndpoint(value, plain, name == own)
		}
		return grpcEndpoint(value, plain)
	})
	switch {
	case len(exporters) > len(refused) && !wanted: // none
		return nil
	case to != nil || !wanted:
		return to
	case http:
		return &endpoint{http: true, target: "http://localhost:4318/v1/traces", plain: true}
	}
	return &endpoint{target: "localhost:4317", plain: true}
}

var errEndpoint = errors.New("want http://HOST:PORT, https://HOST:PORT or HOST:PORT")

// grpcEndpoint accepts a URL, or a target of gRPC, whose TLS the variables decide on.
func grpcEndpoint(value string, plain bool) (*endpoint, error) {
	scheme, _, found := strings.Cut(value, "://")
	if !found || scheme != "http" && scheme != "https" {
		if found && !slices.Contains([]string{"dns", "unix", "passthrough"}, scheme) || strings.ContainsAny(value, " \t\n") {
			return nil, errEndpoint
		}
		return &endpoint{target: value, plain: plain || strings.HasPrefix(value, "unix:")}, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" {
		return nil, errEndpoint
	}
	return &endpoint{target: u.Host, plain: u.Scheme == "http"}, nil
}

// httpEndpoint takes the URL of the signal as it is; that for all signals is a base.
func httpEndpoint(value string, plain, own bool) (*endpoint, error) {
	if !strings.Contains(value, "://") {
		scheme := "https"
		if plain {
			scheme = "http"
		}
		value = scheme + "://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errEndpoint
	}
	if !own {
		u = u.JoinPath("v1", "traces")
	}
	return &endpoint{http: true, target: u.String(), plain: u.Scheme == "http"}, nil
}

func readSampler(e *environment) sdktrace.Sampler {
	const name, arg = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	chosen := e.get(name) != ""
	ratio := 1.0
	takesRatio := strings.HasSuffix(strings.ToLower(e.get(name)), "traceidratio")
	if value := e.get(arg); value != "" {
		parsed, err := strconv.ParseFloat(value, 64)
		switch {
		case !chosen:
			e.ignore(arg, name+" is not set")
		case !takesRatio:
			e.ignore(arg, "the sampler takes no argument")
		case err != nil || !(parsed >= 0 && parsed <= 1):
			e.ignore(arg, "want a number from 0 to 1")
		default:
			ratio = parsed
		}
	}
	byRatio := sdktrace.TraceIDRatioBased(ratio)
	return oneOf(e, []string{name}, sdktrace.ParentBased(sdktrace.AlwaysSample()), map[string]sdktrace.Sampler{
		"always_on":                sdktrace.AlwaysSample(),
		"always_off":               sdktrace.NeverSample(),
		"traceidratio":             byRatio,
		"parentbased_always_on":    sdktrace.ParentBased(sdktrace.AlwaysSample()),
		"parentbased_always_off":   sdktrace.ParentBased(sdktrace.NeverSample()),
		"parentbased_traceidratio": sdktrace.ParentBased(byRatio),
	})
}

func readLimits(e *environment) sdktrace.SpanLimits {
	const all = 128
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit:   e.integer(sdktrace.DefaultAttributeValueLengthLimit, 0, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
		AttributeCountLimit:         e.integer(all, 0, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
		EventCountLimit:             e.integer(all, 0, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
		LinkCountLimit:              e.integer(all, 0, "OTEL_SPAN_LINK_COUNT_LIMIT"),
		AttributePerEventCountLimit: e.integer(all, 0, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
		AttributePerLinkCountLimit:  e.integer(all, 0, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
	}
}

func readBatch(e *environment) batch {
	const name = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	b := batch{
		delay:   max(time.Millisecond, e.milliseconds(5*time.Second, "OTEL_BSP_SCHEDULE_DELAY")),
		timeout: e.milliseconds(30*time.Second, "OTEL_BSP_EXPORT_TIMEOUT"),
		queue:   e.integer(2048, 1, "OTEL_BSP_MAX_QUEUE_SIZE"),
		size:    e.integer(512, 1, name),
	}
	if b.size > b.queue {
		if e.get(name) != "" {
			e.ignore(name, fmt.Sprintf("want at most the size of the queue, %d", b.queue))
		}
		b.size = min(512, b.queue)
	}
	return b
}

// readOthers reads the variables whose only good value is what the programs do anyway:
// they serve metrics to Prometheus, and write their log.
func readOthers(e *environment) {
	_ = oneOf(e, []string{"OTEL_METRICS_EXPORTER"}, true, map[string]bool{"prometheus": true, "none": true})
	_ = oneOf(e, []string{"OTEL_LOGS_EXPORTER"}, true, map[string]bool{"none": true})
	_ = oneOf(e, []string{"OTEL_METRICS_EXEMPLAR_FILTER"}, true, map[string]bool{"trace_based": true})
}

// provider returns a provider that exports what is sampled, and counts it.
func (t tracing) provider(ctx context.Context, service, instance string, count *spanCount) (*sdktrace.TracerProvider, error) {
	exporter, err := t.exporter(ctx)
	if err != nil {
		return nil, err
	}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(append([]attribute.KeyValue{
		attribute.String("service.name", service),
		attribute.String("service.namespace", "bookstall"),
		attribute.String("service.instance.id", instance),
		attribute.String("service.version", Version()),
	}, t.attributes...)...)) // the last of a key wins
	if err != nil {
		return nil, err
	}
	queue := sdktrace.NewBatchSpanProcessor(countedExporter{exporter, count},
		sdktrace.WithBatchTimeout(t.batch.delay),
		sdktrace.WithExportTimeout(t.batch.timeout),
		sdktrace.WithMaxQueueSize(t.batch.queue),
		sdktrace.WithMaxExportBatchSize(t.batch.size),
	)
	return sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(countedQueue{queue, count, int64(t.batch.queue)}),
		sdktrace.WithResource(res),
		sdktrace.WithSampler(t.sampler),
		sdktrace.WithRawSpanLimits(t.limits),
	), nil
}

func (t tracing) exporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if t.endpoint.http {
		compression := otlptracehttp.NoCompression
		if t.gzip {
			compression = otlptracehttp.GzipCompression
		}
		config := t.tls
		if t.endpoint.plain {
			config = nil // the exporter refuses one, even if it comes from its own variables
		}
		return otlptracehttp.New(ctx,
			otlptracehttp.WithEndpointURL(t.endpoint.target), otlptracehttp.WithTLSClientConfig(config),
			otlptracehttp.WithHeaders(t.headers), otlptracehttp.WithCompression(compression), otlptracehttp.WithTimeout(t.timeout))
	}
	creds := credentials.NewTLS(t.tls)
	if t.endpoint.plain {
		creds = insecure.NewCredentials()
	}
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(t.endpoint.target), otlptracegrpc.WithTLSCredentials(creds),
		otlptracegrpc.WithHeaders(t.headers), otlptracegrpc.WithTimeout(t.timeout),
	}
	if t.gzip {
		options = append(options, otlptracegrpc.WithCompressor("gzip"))
	}
	return otlptracegrpc.New(ctx, options...)
}
