package traces

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"bookstall/internal/otlpsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get returns the status and the content of a page, without following redirects.
func get(t *testing.T, url, host string) (int, string, http.Header) {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// A trace that the SDK exports is a waterfall, found by its request id. Its names are text.
func TestAWaterfallIsFoundByRequestID(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	v, err := Start("127.0.0.1:0", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpointURL(v.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "marketplace"))))
	const hostile = `GET /<script>alert("1")</script>`
	ctx, server := provider.Tracer("").Start(t.Context(), hostile, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("request.id", "request-12345678"), attribute.Int("http.response.status_code", 503)))
	server.AddEvent("fallback to bestsellers", trace.WithAttributes(attribute.String("cause", "<b>slow</b>")))
	server.SetStatus(codes.Error, "")
	_, client := provider.Tracer("").Start(ctx, "Recommend", trace.WithSpanKind(trace.SpanKindClient))
	client.End()
	server.End()
	_, other := provider.Tracer("").Start(t.Context(), "GET /books")
	other.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	page := "http://" + address
	id := server.SpanContext().TraceID().String()
	if status, body, _ := get(t, page+"/", ""); status != 200 || strings.Count(body, `href="/trace/`) != 2 || strings.Contains(body, "<script") {
		t.Errorf("the list: %d\n%s", status, body)
	}
	if status, _, header := get(t, page+"/?request=request-12345678", ""); status != http.StatusSeeOther || header.Get("Location") != "/trace/"+id {
		t.Errorf("found by request id: %d %s", status, header.Get("Location"))
	}
	if status, body, _ := get(t, page+"/?request=nobodys-id", ""); status != 200 || !strings.Contains(body, "There is no trace of nobodys-id") {
		t.Errorf("an id that nothing has: %d\n%s", status, body)
	}
	status, body, header := get(t, page+"/trace/"+id, "")
	if status != 200 || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("a trace: %d, %v", status, header)
	}
	for _, want := range []string{
		"&lt;script&gt;", `<span class="failed">503</span>`, "fallback to bestsellers: &lt;b&gt;slow&lt;/b&gt;", `<td class="d1">Recommend`,
		`<rect class="server"`, `<rect class="client"`, "<code>request-12345678</code>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the trace is without %s:\n%s", want, body)
		}
	}
	if strings.Contains(body, "<script") || strings.Contains(body, "<b>slow") {
		t.Errorf("a name is not escaped:\n%s", body)
	}
	if status, _, _ := get(t, page+"/trace/"+strings.Repeat("0", 32), ""); status != 404 {
		t.Errorf("an unknown trace: %d", status)
	}
	if status, _, _ := get(t, page+"/", "evil.example"); status != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", status)
	}
}

// Whatever is sent, memory is bounded, and the last traces are kept.
func TestMemoryIsBounded(t *testing.T) {
	b := newBook()
	long := strings.Repeat("é", 5000)
	for i := range 3 * mostTraces {
		for k := range 2 * mostSpans {
			b.add(otlpsink.Span{TraceID: fmt.Sprint(i), ID: fmt.Sprint(k), Name: long, Events: long})
		}
	}
	list := b.last("")
	if len(list) != mostTraces || len(b.traces) != mostTraces || list[0].id != fmt.Sprint(3*mostTraces-1) {
		t.Errorf("%d traces are kept", len(list))
	}
	if n := len(list[0].spans); n != mostSpans || !list[0].cut {
		t.Errorf("%d spans are kept", n)
	}
	if n := len(list[0].spans[0].Name); n > longest+len("…") {
		t.Errorf("a name of %d bytes is kept", n)
	}
}

// Spans arrive in any order, some never do, and some claim each other as a parent.
func TestTree(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	spans := []otlpsink.Span{
		{ID: "late", Parent: "root", Start: at(5)}, {ID: "early", Parent: "root", Start: at(2)}, {ID: "below", Parent: "early", Start: at(3)},
		{ID: "root", Parent: "elsewhere", Start: at(1)}, {ID: "self", Parent: "self", Start: at(9)},
		{ID: "a", Parent: "b", Start: at(1)}, {ID: "b", Parent: "a", Start: at(1)},
	}
	var got []string
	for _, n := range (kept{spans: spans}).tree() {
		got = append(got, fmt.Sprint(n.depth, n.ID))
	}
	if want := "0root 1early 2below 1late 0self"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
}
