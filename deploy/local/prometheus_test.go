package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// make observe: a real Prometheus looks at all processes (here puppets without metrics),
// dashboards want, and has the rules.
func TestPrometheusBesideTheShop(t *testing.T) {
	l := testLayout(t)
	program, err := filepath.Abs("../../.tools/bin/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("SKIP (counted): no .tools/bin/prometheus: make .tools/bin/prometheus")
	}
	l.prometheus, l.prometheusAddr, l.rules = program, freeAddr(t, "127.0.0.1"), "../../helm/bookstall/rules/alerts.yaml"
	l.traces, l.otlp = freeAddr(t, "127.0.0.1"), freeAddr(t, "127.0.0.1")
	c, end := runInside(t, l)
	// count returns how many results or groups of rules Prometheus answers with.
	count := func(path string) int {
		resp, err := http.Get("http://" + l.prometheusAddr + "/api/v1/" + path)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		var answer struct {
			Data struct{ Result, Groups []any }
		}
		if json.NewDecoder(resp.Body).Decode(&answer) != nil {
			return 0
		}
		return len(answer.Data.Result) + len(answer.Data.Groups)
	}
	up := url.QueryEscape(`up{namespace="local", service=~"bookstall-(marketplace|recommendations)-metrics", job=~".+", pod=~".+"}`)
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		processes, groups := count("query?query="+up), count("rules")
		if processes == 4 && groups > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("prometheus has %d processes and %d groups of rules after %v, want 4, and some:\n%s", processes, groups, limit, c.text())
		}
	}
	if page := get(t, "http://"+l.traces+"/"); !strings.Contains(page, "<h1>Traces</h1>") {
		t.Errorf("the page of traces:\n%s", page)
	}
	if status := end(); status != 0 {
		t.Errorf("status %d:\n%s", status, c.text())
	}
}

// Programs export to the page, unless the user's variables say where traces go.
func TestTracesGoToThePage(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"} {
		t.Setenv(name, "")
	}
	l := standardLayout("bin", 1, standardPorts())
	if tracesGoElsewhere() || l.tracesEnv() != nil {
		t.Error("traces go somewhere that nobody named")
	}
	l.traces, l.otlp = standardTraces, standardOTLP
	shop, err := l.marketplaceProgram()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []program{shop, l.replicaProgram(l.replicas[0])} {
		if !slices.Contains(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317") {
			t.Errorf("%s does not export to the page: %q", p.name, p.env)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:14317")
	if !tracesGoElsewhere() {
		t.Error("the user's collector is not used")
	}
}
