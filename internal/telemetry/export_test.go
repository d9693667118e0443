package telemetry

import (
	"compress/gzip"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// sell makes spans and closes telemetry, and returns the log.
func sell(t *testing.T, spans int) (log []map[string]any, took time.Duration) {
	t.Helper()
	tel, out := newTest(t, "info")
	for range spans {
		_, span := tel.TracerProvider.Tracer("test").Start(t.Context(), "sell")
		span.End()
	}
	began := time.Now()
	tel.Close()
	return lines(t, out), time.Since(began)
}

func warnings(log []map[string]any) (list []string) {
	for _, line := range log {
		if line["level"] != "info" {
			list = append(list, line["msg"].(string))
		}
	}
	return list
}

// A collector behind TLS gets spans over HTTP, with headers, compressed, from a client that
// shows a certificate.
func TestExportOverHTTPS(t *testing.T) {
	received := make(chan *collector.ExportTraceServiceRequest, 1)
	sink := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		content, err := io.ReadAll(unzipped)
		req := &collector.ExportTraceServiceRequest{}
		if err != nil || proto.Unmarshal(content, req) != nil {
			t.Errorf("%v: %d bytes", err, len(content))
		}
		if got := r.URL.Path + " " + r.Header.Get("Authorization") + " " + r.Header.Get("Tenant"); got != "/base/v1/traces Bearer t shop" || len(r.TLS.PeerCertificates) != 1 {
			t.Errorf("%s with %d certificates", got, len(r.TLS.PeerCertificates))
		}
		received <- req
	}))
	sink.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	sink.StartTLS()
	defer sink.Close()
	certificate, key := certificateFiles(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.URL+"/base/")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate)
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate)
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", key)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t,tenant=other")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "tenant=shop")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod,team")
	log, _ := sell(t, 2)
	if got := warnings(log); !slices.Equal(got, []string{"telemetry setting ignored"}) {
		t.Errorf("warnings %v, want one, of the resource attribute without a value", got)
	}
	req := <-received
	if n := len(req.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()); n != 2 {
		t.Errorf("%d spans, want 2", n)
	}
	if text := req.GetResourceSpans()[0].GetResource().String(); !strings.Contains(text, "prod") || !strings.Contains(text, "bookstall") {
		t.Errorf("resource %s", text)
	}
}

// Spans that nobody takes are counted: in time, with a warning, and with no other effect.
func TestCollectorIsAway(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []net.Addr{closed.Addr(), silent.Addr()} {
		for _, protocol := range []string{protocolGRPC, protocolHTTP} {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address.String())
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			certificate, _ := certificateFiles(t)
			t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate) // of no use without TLS
			log, took := sell(t, 3)
			// The exporter may still report why, after Close has given up on it.
			log = slices.DeleteFunc(log, func(line map[string]any) bool { return line["msg"] == "telemetry not delivered" })
			last := log[len(log)-1]
			if last["msg"] != "spans lost" || last["level"] != "warn" || last["spans"] != 3.0 || last["exported"] != 0.0 {
				t.Errorf("%s: the last line is %v", protocol, last)
			}
			if took > closeTimeout+logCloseTimeout+time.Second {
				t.Errorf("%s: Close took %v", protocol, took)
			}
		}
	}
}

// More spans than the queue holds are counted as they are dropped.
func TestSpansBeyondTheQueueAreCounted(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+silent.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
	tel, _ := newTest(t, "error")
	defer tel.Close()
	for range 25 {
		_, span := tel.TracerProvider.Tracer("test").Start(t.Context(), "sell")
		span.End()
	}
	if lost, waiting := tel.spans.lost.Load(), tel.spans.waiting.Load(); lost != 15 || waiting != 10 {
		t.Errorf("%d lost and %d waiting, want 15 and 10", lost, waiting)
	}
}

// A request of another system is joined by the headers that OTEL_PROPAGATORS names.
func TestPropagators(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for name, header := range map[string]http.Header{
		"tracecontext": {"Traceparent": {"00-" + id + "-" + parent + "-01"}},
		"b3":           {"B3": {id + "-" + parent + "-1"}},
		"b3multi":      {"X-B3-Traceid": {id}, "X-B3-Spanid": {parent}, "X-B3-Sampled": {"1"}},
		"jaeger":       {"Uber-Trace-Id": {id + ":" + parent + ":0:1"}},
		"xray":         {"X-Amzn-Trace-Id": {"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=" + parent + ";Sampled=1"}},
	} {
		t.Setenv("OTEL_PROPAGATORS", name)
		tel, out := newTest(t, "info")
		ctx := tel.Propagator.Extract(t.Context(), propagation.HeaderCarrier(header))
		Logger(ctx, tel.Log).Info("sold")
		tel.Close()
		if log := lines(t, out); log[0]["traceID"] != id {
			t.Errorf("%s: %v", name, log)
		}
	}
}

// What the SDK says by itself while it starts is no text between JSON lines.
func TestNoTextOnStandardError(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_RESOURCE_ATTRIBUTES": "team,a=%zz", "OTEL_BSP_SCHEDULE_DELAY": "soon",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "10s", "OTEL_EXPORTER_OTLP_HEADERS": "a", "OTEL_TRACES_SAMPLER": "xray",
		"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere", "OTEL_PROPAGATORS": "x",
	} {
		t.Setenv(name, value)
	}
	program := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestTextLog", "-test.count=1")
	program.Stderr = file
	if err := program.Run(); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(file.Name()); err != nil || len(content) > 0 {
		t.Errorf("%v: %s", err, content)
	}
}
