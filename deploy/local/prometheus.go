package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bookstall/internal/atomicfile"
)

const prometheusName = "prometheus"

func (l layout) prometheusDir() string { return filepath.Join(l.state, prometheusName) }

func (l layout) prometheusConfig() string { return filepath.Join(l.prometheusDir(), "prometheus.yaml") }

// ensurePrometheus writes the configuration of Prometheus. Its series have the labels that the
// chart's have in a cluster, which rules and dashboards choose by.
func ensurePrometheus(l layout) error {
	if l.prometheus == "" {
		return nil
	}
	for _, path := range []string{l.prometheus, l.rules} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("prometheus: %w", err)
		}
	}
	rules, err := filepath.Abs(l.rules)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.prometheusDir(), 0o700); err != nil {
		return err
	}
	var config strings.Builder
	fmt.Fprintf(&config, "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 5s}\nrule_files: [%q]\nscrape_configs:\n", rules)
	fmt.Fprintf(&config, "  - job_name: marketplace\n    static_configs:\n%s", scraped("marketplace", "marketplace", l.shopAdmin))
	config.WriteString("  - job_name: recommendations\n    static_configs:\n")
	for _, r := range l.replicas {
		config.WriteString(scraped("recommendations", r.name, r.admin))
	}
	return atomicfile.WriteFile(l.prometheusConfig(), []byte(config.String()), 0o600)
}

// scraped returns a process that Prometheus scrapes.
func scraped(job, pod, admin string) string {
	return fmt.Sprintf("      - {targets: [%q], labels: {namespace: local, service: bookstall-%s-metrics, pod: %s}}\n", admin, job, pod)
}

func (l layout) prometheusProgram() program {
	return program{
		name: prometheusName, path: l.prometheus,
		args: []string{
			"--config.file=" + l.prometheusConfig(), "--storage.tsdb.path=" + filepath.Join(l.prometheusDir(), "data"),
			"--storage.tsdb.retention.time=1d", "--web.listen-address=" + l.prometheusAddr, "--log.level=warn",
		},
		address: "http://" + l.prometheusAddr,
		admin:   "http://" + l.prometheusAddr + "/alerts",
	}
}
