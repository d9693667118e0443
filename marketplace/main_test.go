package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/otlpsink"
	"bookstall/internal/test/programtest"
	"bookstall/marketplace/internal/catalog"
)

var update = flag.Bool("update", false, "write golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// program is a running marketplace.
type program struct {
	*programtest.Program

	shop, admin string // URLs
}

// start runs the program on free ports.
func start(t *testing.T, args ...string) program {
	t.Helper()
	p := programtest.Start(t, run, append([]string{
		"--http-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--name=shop-1", "--drain-delay=0s", "--api-open",
		"--recommendations-target=dns:///127.0.0.1:1", // nothing listens there; tests override it
	}, args...)...)
	shop := program{Program: p, shop: "http://" + p.Address("httpAddress"), admin: "http://" + p.Address("adminAddress")}
	if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--catalog-file=") }) {
		ready(t, shop) // it listens while it still reads the file
	}
	return shop
}

// shutDown stops the program as SIGTERM does, and waits until it has ended without error.
func (p program) shutDown(t *testing.T) {
	t.Helper()
	p.Stop()
	if err := <-p.Ended; err != nil {
		t.Error(err)
	}
}

// startFleet starts the built programs until the test ends.
func startFleet(t *testing.T, cfg fleet.Config) *fleet.Fleet {
	t.Helper()
	cfg.Bin, cfg.Log = programtest.Build(t), t.Output()
	f, err := fleet.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// catalogFile writes a snapshot of a small catalogue, as an earlier run leaves it.
func catalogFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "catalog.json")
	if err := catalog.Save(file, catalog.Contents{Version: "v1", Books: []catalog.Book{
		{ID: 1, Title: "One", Author: "A", Categories: []string{"fantasy"}, Popularity: 2},
		{ID: 2, Title: "Two", Author: "B", Categories: []string{"fantasy"}, Popularity: 1},
	}}); err != nil {
		t.Fatal(err)
	}
	return file
}

// ready waits until the program is ready.
func ready(t *testing.T, p program) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if resp, _ := programtest.Get(t, p.admin+"/readyz"); resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("never ready")
		}
	}
}

func TestWithoutACatalogueTheShopIsNotReady(t *testing.T) {
	p := start(t)
	if resp, _ := programtest.Get(t, p.admin+"/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz %d", resp.StatusCode)
	}
	resp, body := programtest.Get(t, p.shop+"/")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "<html") {
		t.Errorf("front page: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	p.shutDown(t)
}

func TestTheShopOpensFromItsSnapshot(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t))
	resp, body := programtest.Get(t, p.shop+"/api/v1/recommendations?user_id=1", "X-Request-ID", "from-a-test-1")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Request-ID") != "from-a-test-1" || !strings.Contains(body, `"source":"fallback","served_by":""`) {
		t.Errorf("%d %v\n%s", resp.StatusCode, resp.Header, body)
	}
	if resp, body := programtest.Get(t, p.shop+"/"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "away for a moment") {
		t.Errorf("front page: %d\n%s", resp.StatusCode, body)
	}
	_, metrics := programtest.Get(t, p.admin+"/metrics")
	for _, want := range []string{`recommend_fallbacks_total\{reason="unavailable"\}`, "catalog_books 2", `discovery_endpoints\{target="dns:[^"]+"\} 1\n`, "grpc_client_attempt_duration_seconds"} {
		if !regexp.MustCompile(want).MatchString(metrics) {
			t.Errorf("metrics lack %s", want)
		}
	}
	p.shutDown(t)
	found := false
	for _, l := range p.Lines("request") {
		found = found || l["requestID"] == "from-a-test-1"
	}
	if !found {
		t.Error("no access line with the request id")
	}
}

// Streams do not end by themselves. The shop ends them when it drains, so that they do
// not delay shutdown.
func TestLiveShelvesEndWhenTheShopDrains(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t), "--drain-timeout=1m")
	first := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	like, err := first.PostForm(p.shop+"/interactions", url.Values{"book": {"1"}, "do": {"like"}})
	if err != nil {
		t.Fatal(err)
	}
	like.Body.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.shop+"/shelf/events?after=0", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range like.Cookies() {
		req.AddCookie(cookie)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, metrics := programtest.Get(t, p.admin+"/metrics"); !regexp.MustCompile(`\nhttp_server_connections_open [1-9]`).MatchString(metrics) {
		t.Error("the connection of the stream is not counted")
	}
	began := time.Now()
	p.Stop()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "retry: ") {
		t.Errorf("the stream: %d, %q, %v", resp.StatusCode, body, err)
	}
	if err := <-p.Ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the shop took %v to stop", took)
	}
	if !slices.ContainsFunc(p.Lines("request"), func(l map[string]any) bool { return l["route"] == "/shelf/events" }) {
		t.Error("no access line of the stream")
	}
}

func TestSpansAreExportedAtShutdown(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	p := start(t, "--catalog-file="+catalogFile(t))
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	programtest.Get(t, p.shop+"/api/v1/recommendations?user_id=1", "traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	p.shutDown(t)
	var names []string
	for _, s := range sink.Spans() {
		if s.TraceID == trace {
			names = append(names, s.Name)
		}
	}
	if text := strings.Join(names, "\n"); !strings.Contains(text, "/api/v1/recommendations") || !strings.Contains(text, "RecommendationsService/Recommend") {
		t.Errorf("spans of the caller's trace:\n%s", text)
	}
}

// Why there is no catalogue is said at /readyz, also by a shop that has an older one.
func TestReadyzSaysThatTheCatalogueCannotBePulled(t *testing.T) {
	for args, want := range map[string]int{"": http.StatusServiceUnavailable, "--catalog-file=" + catalogFile(t): http.StatusOK} {
		p := start(t, strings.Fields(args)...)
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			resp, body := programtest.Get(t, p.admin+"/readyz")
			if strings.Contains(body, "the catalogue cannot be pulled from recommendations") {
				if resp.StatusCode != want {
					t.Errorf("%s: %d, want %d", args, resp.StatusCode, want)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: never said: %d %s", args, resp.StatusCode, body)
			}
		}
		if resp, text := programtest.Get(t, p.admin+"/metrics"); !strings.Contains(text, "catalog_current 0") {
			t.Errorf("%s: no metric: %d", args, resp.StatusCode)
		}
		p.shutDown(t)
	}
}

// A collector that is away, and variables that cannot be understood, cost log lines, and
// not the exit status.
func TestTelemetryDoesNotDecideTheExitStatus(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon",
		"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=prod,team", "OTEL_TRACES_EXPORTER": "otlp,kafka", "OTEL_NO_SUCH_SETTING": "1",
	} {
		t.Setenv(name, value)
	}
	p := start(t, "--catalog-file="+catalogFile(t))
	programtest.Get(t, p.shop+"/")
	p.shutDown(t)
	if got := p.Lines("telemetry setting ignored"); len(got) != 4 || got[0]["level"] != "warn" {
		t.Errorf("%d settings ignored, want 4: %v", len(got), got)
	}
	if lost := p.Lines("spans lost"); len(lost) != 1 {
		t.Errorf("lines of lost spans: %v, want one", lost)
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	// The program would serve until then if it accepted a setting.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for arg, want := range map[string]string{
		"--recommendations-target=shop:1":    "--recommendations-target",
		"--recommendations-target=dns:///x":  "dns:///NAME:PORT",
		"--recommendations-timeout=0s":       "--recommendations-timeout",
		"--write-timeout=0s":                 "--write-timeout",
		"--live-streams=-1":                  "--live-streams is -1, want 0 or more",
		"--max-requests=0":                   "--max-requests is 0, want 1 or more",
		"--dns-interval=1ms":                 "--dns-interval",
		"--cookie-key=secret":                "--cookie-key",
		"--cookie-key-file=/no/such/file":    "--cookie-key-file",
		"--public-url=shop.example":          "--public-url is shop.example: want https://HOST",
		"--public-url=https://a/b%20c":       "the path /b c",
		"--public-url=https://a/books":       "the path /books",
		"--reader-header=X-User":             "--trusted-proxies",
		"--allowed-hosts=a b":                "--allowed-hosts",
		"--trusted-proxies=10.0.0.0/33":      "--trusted-proxies",
		"--trusted-proxies=0.0.0.0/0":        "believe everybody",
		"--hsts-include-subdomains":          "--public-url",
		"--api-token=":                       "--api-token is empty",
		"--api-token-file=/dev/null":         "--api-token-file",
		"--api-tokens-file=/dev/null":        "--api-tokens-file",
		"--api-tokens-file=/no/such/file":    "--api-tokens-file",
		"--tls-key-file=a":                   "--tls-cert-file",
		"--http-address=nowhere":             "HTTP address",
		"--admin-address=256.256.256.256:99": "admin address",
	} {
		err := run(ctx, []string{"--admin-address=127.0.0.1:0", arg}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to name %s", arg, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error repeats the key: %v", arg, err)
		}
	}
	for _, header := range []string{"Cookie", "x-forwarded-for", "Host"} {
		err := run(ctx, []string{"--admin-address=127.0.0.1:0", "--trusted-proxies=10.0.0.1", "--reader-header=" + header}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "means something else") {
			t.Errorf("--reader-header=%s: %v", header, err)
		}
	}
	t.Setenv("MARKETPLACE_PORT", "tcp://10.96.0.1:8080")
	if err := run(ctx, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "enableServiceLinks") {
		t.Errorf("unknown variable: %v", err)
	}
}

// docs/config/marketplace.txt is the output of --help.
func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	const golden = "../docs/config/marketplace.txt"
	var out bytes.Buffer
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"healthcheck", "--help"}, {"token", "--help"}, {"check", "--help"}} {
		fmt.Fprintf(&out, "$ marketplace %s\n", strings.Join(args, " "))
		if err := run(t.Context(), args, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs from --help; run make golden. --help prints:\n%s", golden, out.String())
	}
}

// Connections that say nothing, more of them than may be open, keep no reader out.
func TestSilentConnectionsKeepNobodyOut(t *testing.T) {
	const most = 10
	p := start(t, "--catalog-file="+catalogFile(t), fmt.Sprintf("--max-connections=%d", most))
	defer p.shutDown(t)
	var silent []net.Conn
	for range 3 * most {
		c, err := net.Dial("tcp", p.Address("httpAddress"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	if resp, _ := programtest.Get(t, p.shop+"/"); resp.StatusCode != http.StatusOK {
		t.Errorf("the front page beside %d silent connections: status %d", len(silent), resp.StatusCode)
	}
	cut, err := fleet.Metric(p.admin, "http_server_connections_cut_total", `reason="idle"`)
	if err != nil || cut < 2*most {
		t.Errorf("%v connections are cut, %v; want %d or more", cut, err, 2*most)
	}
}

// TestIdleConnectionsAreFew holds that answers end their connections while many are idle, and
// that no other request fails for it.
func TestIdleConnectionsAreFew(t *testing.T) {
	const most, requests = 12, 40
	p := start(t, "--catalog-file="+catalogFile(t), fmt.Sprintf("--max-connections=%d", most))
	defer p.shutDown(t)
	ended := 0
	for range requests {
		c, err := net.Dial("tcp", p.Address("httpAddress"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("beside idle connections: %v", err)
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("beside idle connections: status %d", resp.StatusCode)
		}
		if resp.Close {
			ended++
		}
		_ = resp.Body.Close()
	}
	cut, err := fleet.Metric(p.admin, "http_server_connections_cut_total", `reason="idle"`)
	if err != nil || cut > 0 || ended < requests-most {
		t.Errorf("%v connections are cut, %v, and %d of %d answers end theirs, want none and %d or more", cut, err, ended, requests, requests-most)
	}
}
