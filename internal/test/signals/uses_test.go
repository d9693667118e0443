package signals

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// metricName matches the metrics of a query, and nothing else in it: those have an underscore,
// and no functions, labels or recorded series have one with these beginnings.
var metricName = regexp.MustCompile(`(?:^|[^\w:.])((?:bookstall|catalog|discovery|go|grpc_client|grpc_server|http_server|log|process|recommend|recommendations|rpc|telemetry|web)_\w+)`)

// uses returns the alerts and panels that use a metric.
func uses(t *testing.T) map[string][]string {
	t.Helper()
	used := map[string][]string{}
	add := func(query, by string) {
		for _, m := range metricName.FindAllStringSubmatch(query, -1) {
			used[m[1]] = append(used[m[1]], by)
		}
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Record, Expr string }
		}
	}
	text, err := os.ReadFile(root + "/helm/bookstall/rules/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			by := r.Alert
			if by == "" {
				by = regexp.MustCompile(`ratio_rate\w+`).ReplaceAllString(r.Record, "ratio_rate…")
			}
			add(r.Expr, "`"+by+"`")
		}
	}
	for _, d := range dashboards() {
		for _, p := range d.panels {
			for _, query := range p.queries {
				add(query[0], strings.TrimPrefix(d.title, "Bookstall: ")+": "+p.title)
			}
		}
	}
	return used
}
