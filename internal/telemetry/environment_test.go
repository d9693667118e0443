package telemetry

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const document = "../../docs/opentelemetry.md"

// documented returns the variables of the two tables of the document.
func documented(t *testing.T) (used, unsupported []string) {
	t.Helper()
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	variables := regexp.MustCompile("`(OTEL_[A-Z_]+)`")
	into := &used
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "| variable | not supported") {
			into = &unsupported
		}
		if strings.HasPrefix(line, "| `OTEL_") {
			names, _, _ := strings.Cut(line[2:], " | ")
			for _, m := range variables.FindAllStringSubmatch(names, -1) {
				*into = append(*into, m[1])
			}
		}
	}
	return used, unsupported
}

// The document has each variable of the specification, and no other.
func TestSpecification(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "specification.txt"))
	if err != nil {
		t.Fatal(err)
	}
	used, unsupported := documented(t)
	want, got := strings.Fields(string(content)), slices.Concat(used, unsupported)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables of the specification (-) and of %s (+):\n%s", document, diff)
	}
}

// read returns what the variables mean, and those that are ignored.
func read(variables map[string]string) (tracing, map[string]problem) {
	var environ []string
	for name, value := range variables {
		environ = append(environ, name+"="+value)
	}
	ignored := map[string]problem{}
	settings := readTracing(newEnvironment(environ, func(p problem) { ignored[p.name] = p }))
	return settings, ignored
}

// use is one value of a variable and its effect.
type use struct {
	value string
	with  map[string]string // other variables
	want  any
	got   func(tracing) any
	// bad values are ignored with a warning, so that the default holds.
	bad []string
}

const anEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"

func uses(t *testing.T) map[string]use {
	t.Helper()
	certificate, key := certificateFiles(t)
	toCollector := map[string]string{anEndpoint: "collector:4317"}
	limits := func(field func(tracing) int) func(tracing) any { return func(t tracing) any { return field(t) } }
	numbers := []string{"-1", "ten", "1.5", "99999999999"}
	plain := use{
		value: "TRUE", with: toCollector, bad: []string{"1", "yes"},
		got: func(t tracing) any { return *t.endpoint }, want: endpoint{target: "collector:4317", plain: true},
	}
	return map[string]use{
		"OTEL_SDK_DISABLED": {
			value: "True", with: toCollector, bad: []string{"1", "on"},
			got: func(t tracing) any { return t.endpoint == nil }, want: true,
		},
		"OTEL_TRACES_EXPORTER": {
			value: "OTLP", bad: []string{"zipkin", "console", "jaeger,kafka"},
			got: func(t tracing) any { return t.endpoint }, want: &endpoint{target: "localhost:4317", plain: true},
		},
		anEndpoint: {
			value: "https://collector:4317", bad: []string{"http://", "ftp://collector", "http://collector:port", "http://[::1"},
			got: func(t tracing) any { return t.endpoint }, want: &endpoint{target: "collector:4317"},
		},
		"OTEL_EXPORTER_OTLP_PROTOCOL": {
			value: "http/protobuf", with: map[string]string{anEndpoint: "http://collector:4318/base/"}, bad: []string{"http/json", "thrift"},
			got: func(t tracing) any { return *t.endpoint }, want: endpoint{http: true, target: "http://collector:4318/base/v1/traces", plain: true},
		},
		"OTEL_EXPORTER_OTLP_INSECURE":      plain,
		"OTEL_EXPORTER_OTLP_SPAN_INSECURE": plain,
		"OTEL_EXPORTER_OTLP_HEADERS": {
			value: "Authorization=Bearer%20t, tenant = shop", bad: []string{"authorization", "a=%zz", "=b"},
			got: func(t tracing) any { return t.headers }, want: map[string]string{"authorization": "Bearer t", "tenant": "shop"},
		},
		"OTEL_EXPORTER_OTLP_COMPRESSION": {value: "GZIP", bad: []string{"zstd"}, got: func(t tracing) any { return t.gzip }, want: true},
		"OTEL_EXPORTER_OTLP_TIMEOUT":     {value: " 250 ", bad: numbers, got: func(t tracing) any { return t.timeout }, want: 250 * time.Millisecond},
		"OTEL_EXPORTER_OTLP_CERTIFICATE": {
			value: certificate, bad: []string{"/nowhere", key},
			got: func(t tracing) any { return t.tls.RootCAs != nil }, want: true,
		},
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": {
			value: certificate, with: map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_KEY": key},
			got: func(t tracing) any { return len(t.tls.Certificates) }, want: 1,
		},
		"OTEL_EXPORTER_OTLP_CLIENT_KEY": {
			value: key, with: map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": certificate},
			got: func(t tracing) any { return len(t.tls.Certificates) }, want: 1,
		},
		"OTEL_PROPAGATORS": {
			value: "b3, b3,jaeger", bad: []string{"datadog"}, want: []string{"b3", "uber-trace-id"},
			got: func(t tracing) any { return injected(t.propagator) },
		},
		"OTEL_TRACES_SAMPLER": {
			value: "Always_Off", bad: []string{"jaeger_remote", "parentbased_jaeger_remote", "xray", "sometimes"},
			got: func(t tracing) any { return t.sampler.Description() }, want: "AlwaysOffSampler",
		},
		"OTEL_TRACES_SAMPLER_ARG": {
			value: "0.25", with: map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, bad: []string{"2", "-0.1", "NaN", "half"},
			got: func(t tracing) any { return strings.Contains(t.sampler.Description(), "TraceIDRatioBased{0.25}") }, want: true,
		},
		"OTEL_RESOURCE_ATTRIBUTES": {
			value: "deployment.environment=prod, team=a%20b", bad: []string{"team", "team=%zz"},
			got:  describe,
			want: "deployment.environment=prod,team=a b",
		},
		"OTEL_SERVICE_NAME": {
			value: "corner-shop", with: map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=other"},
			got:  describe,
			want: "service.name=corner-shop",
		},
		"OTEL_BSP_SCHEDULE_DELAY":                {value: "100", bad: numbers, got: func(t tracing) any { return t.batch.delay }, want: 100 * time.Millisecond},
		"OTEL_BSP_EXPORT_TIMEOUT":                {value: "0", bad: numbers, got: func(t tracing) any { return t.batch.timeout }, want: time.Duration(0)},
		"OTEL_BSP_MAX_QUEUE_SIZE":                {value: "100", bad: append(numbers, "0"), got: func(t tracing) any { return t.batch }, want: batch{5 * time.Second, 30 * time.Second, 100, 100}},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE":         {value: "64", bad: append(numbers, "0", "4096"), got: func(t tracing) any { return t.batch.size }, want: 64},
		"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT":      {value: "20", bad: numbers, got: limits(func(t tracing) int { return t.limits.AttributeValueLengthLimit }), want: 20},
		"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": {value: "0", bad: numbers, got: limits(func(t tracing) int { return t.limits.AttributeValueLengthLimit }), want: 0},
		"OTEL_ATTRIBUTE_COUNT_LIMIT":             {value: "5", bad: numbers, got: limits(func(t tracing) int { return t.limits.AttributePerLinkCountLimit }), want: 5},
		"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT":        {value: "6", bad: numbers, got: limits(func(t tracing) int { return t.limits.AttributeCountLimit }), want: 6},
		"OTEL_SPAN_EVENT_COUNT_LIMIT":            {value: "7", bad: numbers, got: limits(func(t tracing) int { return t.limits.EventCountLimit }), want: 7},
		"OTEL_SPAN_LINK_COUNT_LIMIT":             {value: "8", bad: numbers, got: limits(func(t tracing) int { return t.limits.LinkCountLimit }), want: 8},
		"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT":       {value: "9", bad: numbers, got: limits(func(t tracing) int { return t.limits.AttributePerEventCountLimit }), want: 9},
		"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT":        {value: "9", bad: numbers, got: limits(func(t tracing) int { return t.limits.AttributePerLinkCountLimit }), want: 9},
		"OTEL_LOG_LEVEL":                         {value: "DEBUG", bad: []string{"loud"}, got: func(t tracing) any { return t.sdkVerbosity }, want: 8},
		"OTEL_METRICS_EXPORTER":                  {value: "prometheus", bad: []string{"otlp", "console"}, got: func(tracing) any { return true }, want: true},
		"OTEL_LOGS_EXPORTER":                     {value: "none", bad: []string{"otlp"}, got: func(tracing) any { return true }, want: true},
		"OTEL_METRICS_EXEMPLAR_FILTER":           {value: "trace_based", bad: []string{"always_on"}, got: func(tracing) any { return true }, want: true},
	}
}

func (u use) variables(name, value string) map[string]string {
	all := maps.Clone(u.with)
	if all == nil {
		all = map[string]string{}
	}
	all[name] = value
	return all
}

// Every row of the document's table has its effect, and a warning for values that cannot
// be understood.
func TestSpecificationRowByRow(t *testing.T) {
	used, unsupported := documented(t)
	known := uses(t)
	for _, name := range used {
		general := strings.Replace(name, "OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_", 1)
		u, ok := known[general]
		if !ok {
			t.Errorf("%s is documented, and not tested", name)
			continue
		}
		settings, ignored := read(u.variables(name, u.value))
		if len(ignored) > 0 {
			t.Errorf("%s=%s is ignored: %v", name, u.value, ignored)
		}
		if general != name && general == "OTEL_EXPORTER_OTLP_PROTOCOL" {
			settings, _ = read(map[string]string{anEndpoint: "http://collector:4318/base/", name: u.value, general: "grpc"})
		}
		if diff := cmp.Diff(u.want, u.got(settings), cmp.AllowUnexported(endpoint{}, batch{})); diff != "" {
			t.Errorf("%s=%s: want (-), got (+):\n%s", name, u.value, diff)
		}
		for _, bad := range u.bad {
			shown := bad
			if secret(name) {
				shown = "(hidden)"
			}
			got, ignored := read(u.variables(name, bad))
			if p := ignored[name]; len(ignored) != 1 || p.value != shown || p.reason == "" || secret(name) && strings.Contains(p.reason, bad) {
				t.Errorf("%s=%s: warnings %v, want one", name, bad, ignored)
			}
			otherwise, _ := read(u.with)
			if diff := cmp.Diff(u.got(otherwise), u.got(got), cmp.AllowUnexported(endpoint{}, batch{})); diff != "" {
				t.Errorf("%s=%s: default (-), got (+):\n%s", name, bad, diff)
			}
			if general == name {
				continue
			}
			// A signal's own value that is of no use leaves the general one.
			both := u.variables(name, bad)
			both[general] = u.value
			got, _ = read(both)
			if want, _ := read(u.variables(general, u.value)); !cmp.Equal(u.got(want), u.got(got), cmp.AllowUnexported(endpoint{}, batch{})) {
				t.Errorf("%s=%s hides %s=%s", name, bad, general, u.value)
			}
		}
		if _, ignored := read(map[string]string{name: " "}); len(ignored) > 0 {
			t.Errorf("%s with an empty value: %v", name, ignored)
		}
	}
	for _, name := range append(unsupported, "OTEL_EXPORTER_OTLP_ENDPIONT") {
		settings, ignored := read(map[string]string{name: "anything"})
		if p, ok := ignored[name]; !ok || len(ignored) != 1 {
			t.Errorf("%s: warnings %v, want one: %v", name, ignored, p)
		}
		if want, _ := read(nil); settings.endpoint != nil || settings.timeout != want.timeout {
			t.Errorf("%s changes something: %+v", name, settings)
		}
	}
}

func TestEndpoints(t *testing.T) {
	const own, protocol, plain, exporter = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_INSECURE", "OTEL_TRACES_EXPORTER"
	for name, c := range map[string]struct {
		set  map[string]string
		want *endpoint
	}{
		"nothing":                    {nil, nil},
		"the signal's own wins":      {map[string]string{anEndpoint: "http://a:1", own: "http://b:1"}, &endpoint{target: "b:1", plain: true}},
		"https wins over insecure":   {map[string]string{anEndpoint: "https://a:1", plain: "true"}, &endpoint{target: "a:1"}},
		"no scheme is TLS":           {map[string]string{anEndpoint: "a:1"}, &endpoint{target: "a:1"}},
		"a target of gRPC":           {map[string]string{anEndpoint: "dns:///a:1", plain: "true"}, &endpoint{target: "dns:///a:1", plain: true}},
		"a socket":                   {map[string]string{anEndpoint: "unix:///run/otel"}, &endpoint{target: "unix:///run/otel", plain: true}},
		"own URL over HTTP as it is": {map[string]string{own: "https://a:1/x", protocol: "http/protobuf"}, &endpoint{http: true, target: "https://a:1/x"}},
		"HTTP without a scheme":      {map[string]string{anEndpoint: "a:4318", protocol: "http/protobuf", plain: "true"}, &endpoint{http: true, target: "http://a:4318/v1/traces", plain: true}},
		"HTTP on this host":          {map[string]string{exporter: "otlp", protocol: "http/protobuf"}, &endpoint{http: true, target: "http://localhost:4318/v1/traces", plain: true}},
		"none":                       {map[string]string{anEndpoint: "http://a:1", exporter: "none"}, nil},
		"an unknown exporter":        {map[string]string{anEndpoint: "http://a:1", exporter: "zipkin"}, &endpoint{target: "a:1", plain: true}},
		"disabled":                   {map[string]string{anEndpoint: "http://a:1", "OTEL_SDK_DISABLED": "TRUE"}, nil},
	} {
		got, _ := read(c.set)
		if diff := cmp.Diff(c.want, got.endpoint, cmp.AllowUnexported(endpoint{})); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", name, diff)
		}
	}
}

// A password in a URL is not shown.
func TestWarningsHideSecrets(t *testing.T) {
	_, ignored := read(map[string]string{anEndpoint: "ftp://me:secret@collector", "OTEL_EXPORTER_OTLP_HEADERS": "token=a,secret", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "token=secret"})
	for name, p := range ignored {
		if strings.Contains(p.value+p.reason, "secret") {
			t.Errorf("%s: %v", name, p)
		}
	}
	if len(ignored) != 3 {
		t.Errorf("%v, want three warnings", ignored)
	}
}

func describe(t tracing) any {
	set := attribute.NewSet(t.attributes...)
	return set.Encoded(attribute.DefaultEncoder())
}

// injected returns the headers that a propagator writes.
func injected(p propagation.TextMapPropagator) []string {
	carrier := propagation.MapCarrier{}
	p.Inject(trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})), carrier)
	return slices.Sorted(maps.Keys(carrier))
}

// certificateFiles writes the certificate and the key of httptest.
func certificateFiles(t *testing.T) (certificate, key string) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	encoded, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, content []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert.pem", "CERTIFICATE", s.Certificate().Raw), write("key.pem", "PRIVATE KEY", encoded)
}
