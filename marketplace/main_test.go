package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bookstall/internal/otlpsink"
	"bookstall/marketplace/internal/catalog"
)

var update = flag.Bool("update", false, "write golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// program is a running marketplace.
type program struct {
	shop, admin string // URLs
	stop        func() // as SIGTERM does
	ended       chan error

	mu   sync.Mutex
	logs []map[string]any
}

// start runs the program on free ports and reads its log.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	logs, stderr := io.Pipe()
	p := &program{stop: cancel, ended: make(chan error, 1)}
	args = append([]string{
		"--http-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--name=shop-1", "--drain-delay=0s",
		"--recommendations-target=dns:///127.0.0.1:1", // nobody there, unless a test says otherwise
	}, args...)
	go func() {
		err := run(ctx, args, io.Discard, stderr)
		stderr.Close()
		p.ended <- err
	}()
	listening := make(chan map[string]any, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			var line map[string]any
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Errorf("log line is not JSON: %s", lines.Text())
				continue
			}
			p.mu.Lock()
			p.logs = append(p.logs, line)
			p.mu.Unlock()
			if line["msg"] == "listening" {
				listening <- line
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		reader.Wait()
	})
	select {
	case line := <-listening:
		p.shop, p.admin = "http://"+line["httpAddress"].(string), "http://"+line["adminAddress"].(string)
	case err := <-p.ended:
		t.Fatalf("ended at once: %v", err)
	}
	return p
}

func (p *program) lines(msg string) (list []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.logs {
		if l["msg"] == msg {
			list = append(list, l)
		}
	}
	return list
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// catalogFile writes a copy of a small catalogue, as an earlier run leaves it.
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

func ready(t *testing.T, p *program) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if resp, _ := get(t, p.admin+"/readyz"); resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("never ready")
		}
	}
}

func TestWithoutACatalogueTheShopIsNotReadyAndSaysSo(t *testing.T) {
	p := start(t)
	if resp, _ := get(t, p.admin+"/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz %d", resp.StatusCode)
	}
	resp, body := get(t, p.shop+"/")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "<html") {
		t.Errorf("front page: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	p.stop()
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
}

func TestTheShopOpensFromItsCopyWhileRecommendationsIsAway(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t))
	ready(t, p)
	resp, body := get(t, p.shop+"/api/v1/recommendations?user_id=1", "X-Request-ID", "from-a-test-1")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Request-ID") != "from-a-test-1" || !strings.Contains(body, `"source":"fallback","served_by":""`) {
		t.Errorf("%d %v\n%s", resp.StatusCode, resp.Header, body)
	}
	if resp, body := get(t, p.shop+"/"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "away for a moment") {
		t.Errorf("front page: %d\n%s", resp.StatusCode, body)
	}
	_, metrics := get(t, p.admin+"/metrics")
	for _, want := range []string{`recommend_fallbacks_total{reason="unavailable"}`, "catalog_books 2", "discovery_endpoints 1", "grpc_client_attempt_duration_seconds"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	p.stop()
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
	found := false
	for _, l := range p.lines("request") {
		found = found || l["requestID"] == "from-a-test-1"
	}
	if !found {
		t.Error("no access line with the request id")
	}
}

func TestSpansAreDeliveredAtTheEnd(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	p := start(t, "--catalog-file="+catalogFile(t))
	ready(t, p)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	get(t, p.shop+"/api/v1/recommendations?user_id=1", "traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	p.stop()
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
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

func TestBadSettingsAreNamed(t *testing.T) {
	// What is taken for good would run on.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for arg, want := range map[string]string{
		"--recommendations-target=shop:1":    "--recommendations-target",
		"--recommendations-target=dns:///x":  "dns:///NAME:PORT",
		"--recommendations-timeout=0s":       "--recommendations-timeout",
		"--dns-interval=1ms":                 "--dns-interval",
		"--cookie-key=secret":                "--cookie-key",
		"--cookie-key-file=/no/such/file":    "--cookie-key-file",
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
	t.Setenv("MARKETPLACE_PORT", "tcp://10.96.0.1:8080")
	if err := run(ctx, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "enableServiceLinks") {
		t.Errorf("unknown variable: %v", err)
	}
}

// TestHelp holds docs/config/marketplace.txt to the program.
func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	const golden = "../docs/config/marketplace.txt"
	var out bytes.Buffer
	out.WriteString("$ marketplace --help\n")
	if err := run(t.Context(), []string{"--help"}, &out, io.Discard); err != nil {
		t.Fatal(err)
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
		t.Errorf("%s is not what --help prints; run make golden. It prints:\n%s", golden, out.String())
	}
}
