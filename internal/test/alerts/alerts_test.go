// Package alerts tests the chart's rules for Prometheus with promtool, against docs/alerts.md
// and against the metrics of the running programs.
package alerts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

const (
	root  = "../../.."
	rules = root + "/helm/bookstall/rules/alerts.yaml"
	// Tests for promtool.
	cases      = "testdata/alerts.yaml"
	objectives = "testdata/objectives.yaml"
)

// promtool runs .tools/bin/promtool.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	program, err := filepath.Abs(root + "/.tools/bin/promtool")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("SKIP (counted): no .tools/bin/promtool: make .tools/bin/promtool")
	}
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", rules)
	promtool(t, "test", "rules", cases, objectives)
}

// parse reads a YAML file.
func parse(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

type rule struct {
	Alert, Record, Expr string
	For                 string
	KeepFiringFor       string `yaml:"keep_firing_for"`
}

// all returns the rules of all groups.
func all(t *testing.T) (list []rule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	parse(t, rules, &file)
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	return list
}

// alerts returns the names of the alerts.
func alerts(t *testing.T) (names []string) {
	t.Helper()
	for _, r := range all(t) {
		if r.Alert != "" {
			names = append(names, r.Alert)
		}
	}
	return names
}

// tested returns the names of the alerts that a file of tests names, and which of them fire
// in a test and which do not.
func tested(t *testing.T, path string) (names []string, fires, quiet map[string]bool) {
	t.Helper()
	var file struct {
		Tests []struct {
			Cases []struct {
				Alert    string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	parse(t, path, &file)
	fires, quiet = map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Cases {
			names = append(names, c.Alert)
			fires[c.Alert] = fires[c.Alert] || len(c.Expected) > 0
			quiet[c.Alert] = quiet[c.Alert] || len(c.Expected) == 0
		}
	}
	return names, fires, quiet
}

// Each alert has series with which it fires, and others with which it does not.
func TestEachAlertIsTested(t *testing.T) {
	_, fires, quiet := tested(t, cases)
	_, firesToo, quietToo := tested(t, objectives)
	for _, name := range alerts(t) {
		if f, q := fires[name] || firesToo[name], quiet[name] || quietToo[name]; !f || !q {
			t.Errorf("%s: fires in a test: %v, and does not: %v; want both", name, f, q)
		}
	}
}

// The tests of objectives are evaluated once an hour, which is right for alerts that
// remember nothing of earlier evaluations.
func TestObjectivesRememberNothing(t *testing.T) {
	names, _, _ := tested(t, objectives)
	for _, r := range all(t) {
		if slices.Contains(names, r.Alert) && (r.For != "" || r.KeepFiringFor != "") {
			t.Errorf("%s waits or stays: move its tests to %s", r.Alert, cases)
		}
		if regexp.MustCompile(`bookstall:\w+(\{[^}]*\})?\[`).MatchString(r.Expr) {
			t.Errorf("%s%s looks back at what was recorded: move all tests to %s", r.Alert, r.Record, cases)
		}
	}
}

// docs/alerts.md has a section for each alert, and for no other, with what to do.
func TestEachAlertIsExplained(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, m[1])
	}
	names := alerts(t)
	slices.Sort(names)
	slices.Sort(explained)
	if !slices.Equal(names, explained) {
		t.Errorf("docs/alerts.md has sections for\n%v\nwant\n%v", explained, names)
	}
	for _, section := range regexp.MustCompile(`(?m)^(### \w+\n)+`).Split(string(text), -1)[1:] {
		for _, part := range []string{"- **See**: ", "- **Do**: ", "- **Make it happen**: "} {
			if !strings.Contains(section, part) {
				t.Errorf("a section lacks %q:\n%.200s", part, section)
			}
		}
	}
}

// The programs have each metric that the rules name, and its labels have the values that
// they name.
func TestTheProgramsHaveTheMetrics(t *testing.T) {
	f, err := fleet.Start(fleet.Config{
		Bin: programtest.Build(t), Replicas: 1, TLS: true, ReplicaArgs: []string{"--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, path := range []string{"/", "/books/1"} {
		if _, err := fleet.Get(t.Context(), f.URL+path); err != nil {
			t.Fatal(err)
		}
	}
	series := map[string][]string{} // by metric
	for _, admin := range []string{f.Admin, f.Replicas()[0].Admin} {
		samples, err := fleet.Samples(t.Context(), admin)
		if err != nil {
			t.Fatal(err)
		}
		for s := range samples {
			name, labels, _ := strings.Cut(s, "{")
			series[name] = append(series[name], labels)
		}
	}
	if len(series) < 50 {
		t.Fatalf("%d metrics", len(series))
	}
	named := regexp.MustCompile(`\b(bookstall:)?([a-z_]+_(?:count|bucket|total|seconds|bytes|endpoints|info|current|seq))\b(?:\{([^}]*)\})?`)
	for _, r := range all(t) {
		for _, m := range named.FindAllStringSubmatch(r.Expr, -1) {
			name, labels := m[2], m[3]
			if m[1] != "" {
				continue // recorded
			}
			if series[name] == nil {
				t.Errorf("%s%s: no program has %s", r.Alert, r.Record, name)
				continue
			}
			// job comes with the scrape, and the status only with such answers.
			for _, l := range regexp.MustCompile(`(source|reason|le)(!?=)"([^"]*)"`).FindAllStringSubmatch(labels, -1) {
				if want := l[1] + `="` + l[3] + `"`; !slices.ContainsFunc(series[name], func(s string) bool { return strings.Contains(s, want) }) {
					t.Errorf("%s%s: no series of %s has %s", r.Alert, r.Record, name, want)
				}
			}
		}
	}
}
