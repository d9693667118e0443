package signals

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
)

var (
	update   = flag.Bool("update", false, "rewrite docs/metrics.md and docs/logs.md")
	pictures = flag.Bool("pictures", false, "draw the pictures of docs/dashboards")
)

// maxSeries is how many series a pod may have.
const maxSeries = 1500

// scrapes asks for the metrics many times, and returns them, and the CPU time of the program for
// one scrape, with all else that it did meanwhile.
func scrapes(t *testing.T, of *fleet.Process) (text string, cpu time.Duration) {
	t.Helper()
	const times = 100
	before, err := of.CPU()
	if err != nil {
		t.Fatal(err)
	}
	for range times {
		answer, err := fleet.Get(t.Context(), of.Admin+"/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text = string(answer)
	}
	after, err := of.CPU()
	if err != nil {
		t.Fatal(err)
	}
	return text, (after - before) / times
}

// metric is a metric as a program serves it.
type metric struct {
	name, kind, help string
	labels           map[string]bool
	programs         map[string]bool
	series           int // of the program that has most
}

// unit returns the unit that the name ends with.
func (m *metric) unit() string {
	base := strings.TrimSuffix(m.name, "_total")
	for _, u := range []string{"seconds", "bytes", "ratio", "percent", "info"} {
		if strings.HasSuffix(base, "_"+u) {
			return u
		}
	}
	return ""
}

// read adds the metrics of a program's answer, and returns how many series that has.
func read(all map[string]*metric, program, text string) (series int) {
	var m *metric
	count := map[string]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "# HELP "):
			name, help, _ := strings.Cut(strings.TrimPrefix(line, "# HELP "), " ")
			if m = all[name]; m == nil {
				m = &metric{name: name, labels: map[string]bool{}, programs: map[string]bool{}}
				all[name] = m
			}
			m.help = help
			m.programs[program] = true
		case strings.HasPrefix(line, "# TYPE "):
			m.kind = line[strings.LastIndex(line, " ")+1:]
		case line != "":
			series++
			count[m.name]++
			for _, l := range regexp.MustCompile(`[{,](\w+)="`).FindAllStringSubmatch(line[:strings.LastIndex(line, " ")], -1) {
				if l[1] != "le" && l[1] != "quantile" {
					m.labels[l[1]] = true
				}
			}
		}
	}
	for name, n := range count {
		all[name].series = max(all[name].series, n)
	}
	return series
}

// runtime says whether a metric is of Go or of the process.
func runtime(m *metric) bool {
	return regexp.MustCompile("^(go|process|promhttp)_").MatchString(m.name)
}

func TestSignals(t *testing.T) {
	r := start(t)
	prom := scrape(t, r)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	r.happen(ctx, prom)

	all := map[string]*metric{}
	for program, process := range map[string]*fleet.Process{"marketplace": r.Marketplace, "recommendations": r.Replicas()[1].Process} {
		text, cpu := scrapes(t, process)
		series := read(all, program, text)
		t.Logf("%s: %d series in %d kB, %v of CPU time a scrape", program, series, len(text)/1000, cpu)
		if series > maxSeries {
			t.Errorf("%s has %d series, want at most %d", program, series, maxSeries)
		}
	}
	last := r.Replicas()[2]
	r.note("a replica is killed")
	at := stopped(t, r, prom, last)
	if *pictures {
		time.Sleep(calm)
		drawPictures(t, prom, r.events)
	}
	end()
	t.Run("panels", func(t *testing.T) { panelsHaveData(t, prom, last.Name, at) })
	t.Run("metrics", func(t *testing.T) { golden(t, root+"/docs/metrics.md", metricsTable(t, all)) })
	t.Run("logs", func(t *testing.T) { logs(t, r.log.text()) })
}

// metricsTable returns the generated part of docs/metrics.md.
func metricsTable(t *testing.T, all map[string]*metric) string {
	t.Helper()
	used := uses(t)
	var b strings.Builder
	for _, part := range []struct {
		title string
		has   func(*metric) bool
	}{
		{"The shop", func(m *metric) bool {
			return !runtime(m) && m.programs["marketplace"] && !m.programs["recommendations"]
		}},
		{"Replicas of recommendations", func(m *metric) bool { return !runtime(m) && !m.programs["marketplace"] }},
		{"Both", func(m *metric) bool { return !runtime(m) && m.programs["marketplace"] && m.programs["recommendations"] }},
		{"Both: Go and the process", runtime},
	} {
		fmt.Fprintf(&b, "## %s\n\n| metric | type | unit | labels | meaning | used by |\n|---|---|---|---|---|---|\n", part.title)
		for _, m := range slices.SortedFunc(maps.Values(all), func(a, b *metric) int { return cmp.Compare(a.name, b.name) }) {
			if !part.has(m) {
				continue
			}
			var by []string
			for _, name := range []string{m.name, m.name + "_count", m.name + "_sum", m.name + "_bucket"} {
				by = append(by, used[name]...)
			}
			slices.Sort(by)
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", m.name, m.kind, m.unit(), strings.Join(slices.Sorted(maps.Keys(m.labels)), ", "),
				strings.ReplaceAll(m.help, "|", `\|`), strings.Join(slices.Compact(by), ", "))
		}
		b.WriteString("\n")
	}
	for name, by := range used {
		base := regexp.MustCompile("_(count|sum|bucket)$").ReplaceAllString(name, "")
		if all[name] == nil && all[base] == nil {
			t.Errorf("%v use %s, which no program has", by, name)
		}
	}
	return b.String()
}

// generated marks where the generated part of a document begins.
const generated = "<!-- From here on written by: make golden -->\n"

// golden compares the generated part of a document, or writes it.
func golden(t *testing.T, path, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, got, ok := strings.Cut(string(text), generated)
	if !ok {
		t.Fatalf("%s has no line %s", path, generated)
	}
	want = "\n" + strings.TrimSpace(want) + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(head+generated+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	wantLines, gotLines := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, l := range wantLines {
		if !slices.Contains(gotLines, l) {
			t.Errorf("%s lacks, run make golden:\n%s", path, l)
		}
	}
	for _, l := range gotLines {
		if !slices.Contains(wantLines, l) {
			t.Errorf("%s has what no program emits, run make golden:\n%s", path, l)
		}
	}
}
