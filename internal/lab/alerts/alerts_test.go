package alerts

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/drills"
)

// TestEachAlertIsExpectedOfADrill holds the table to the rules and the drills.
func TestEachAlertIsExpectedOfADrill(t *testing.T) {
	rules, err := os.ReadFile("../../../" + chartRules)
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, m := range regexp.MustCompile(`(?m)^\s+- alert: (\w+)$`).FindAllStringSubmatch(string(rules), -1) {
		alerts = append(alerts, m[1])
	}
	if len(alerts) == 0 {
		t.Fatal("no alerts in the rules")
	}
	fired := map[string]bool{}
	planned := 0
	for _, e := range expected() {
		watched, err := drills.ToWatch(e.drill)
		if err != nil {
			t.Error(err)
			continue
		}
		if watched.Planned && len(e.fires) == 0 {
			planned++
		}
		for _, f := range e.fires {
			fired[f.alert] = true
			if !slices.Contains(alerts, f.alert) {
				t.Errorf("%s: the rules have no alert %s", e.drill, f.alert)
			}
		}
	}
	for _, alert := range alerts {
		if !fired[alert] {
			t.Errorf("no drill fires %s", alert)
		}
	}
	if planned == 0 {
		t.Error("no planned drill is expected to fire nothing")
	}
}

func TestScaledRules(t *testing.T) {
	got, err := scaleTimes("  - interval: 30s\n    expr: rate(a{b=\"c\"}[5m]) > 5m and b[1h]\n    for: 10m\n")
	if want := "  - interval: 500ms\n    expr: rate(a{b=\"c\"}[5000ms]) > 5m and b[60000ms]\n    for: 10000ms\n"; got != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := scaleTimes("x[1d]"); err == nil || !strings.Contains(err.Error(), `"1d"`) {
		t.Errorf("a day: %v, want an error that names it", err)
	}
}

func TestJudge(t *testing.T) {
	event := time.Unix(1000, 0)
	r := result{expectation: expectation{"drill", []firing{{"Soon", 2 * time.Second}, {"Late", 2 * time.Second}, {"Never", time.Second}}}}
	r.judge(event, map[string]time.Time{"Soon": event.Add(time.Second), "Late": event.Add(3 * time.Second), "Other": event})
	want := []string{"Late fired after 3 s, want 2s at most", "Other fired", "Never did not fire"}
	if !slices.Equal(r.faults, want) {
		t.Errorf("%q, want %q", r.faults, want)
	}
}
