package drills

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bookstall/internal/lab/report"
)

// Where results are written, below the folder of the repository.
const (
	document = "docs/reliability.md"
	pictures = "docs/drills"
)

func markdown(results []result) string {
	t := report.Table{Head: []string{"drill", "what happens", "calls", "full", "fallback", "shed, failed, late", "p50", "p99", "max", "recovered after", "verdict"}}
	var beside strings.Builder
	for _, r := range results {
		p := r.report
		bad := "0"
		if p.Shed+p.Failed+p.Late > 0 {
			bad = fmt.Sprintf("%d, %d, %d", p.Shed, p.Failed, p.Late)
		}
		verdict := "pass"
		if !r.passed() {
			verdict = "**FAIL**: " + strings.Join(r.faults, "; ")
		}
		t.Add(fmt.Sprintf("[%[1]s](drills/%[1]s.svg)", r.drill.name), r.drill.shows,
			fmt.Sprint(p.Calls), fmt.Sprint(p.Full), fmt.Sprint(p.Fallback), bad,
			fmt.Sprintf("%.1f ms", p.P50), fmt.Sprintf("%.1f ms", p.P99), fmt.Sprintf("%.0f ms", p.Max), r.recovered(), verdict+r.notes())
		if len(r.figures) > 0 {
			fmt.Fprintf(&beside, "- %s: %s.\n", r.drill.name, strings.Join(r.figures, "; "))
		}
	}
	return t.Markdown() + "\nMeasured beside the calls:\n\n" + beside.String()
}

func (r result) writePicture(root string) error {
	dir := filepath.Join(root, pictures)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // readable by everyone
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.drill.name+".svg"), []byte(r.picture()), 0o644)
}

// picture draws the calls of each replica by the second, those that fell back, and
// what was done.
func (r result) picture() string {
	rows := r.report.Timeline
	// The last poll of the replicas comes less than a second after the one before.
	rows = rows[:min(len(rows), max(1, int(r.report.Seconds-0.5)))]
	p := report.Panel{Title: r.drill.name + ": calls a second, by replica", Height: 170, MaxX: float64(max(len(rows), 1)), MaxY: 1}
	ids := map[string]string{} // keys are the names shown
	for i, row := range rows {
		p.MaxY = max(p.MaxY, float64(row.Fallback))
		for id, n := range row.Replicas {
			ids[cmp.Or(r.names[id], id)] = id
			p.MaxY = max(p.MaxY, float64(n))
		}
		if row.Fallback > 0 {
			p.Bars = append(p.Bars, report.Bar{X: float64(i), Width: 1, Y: float64(row.Fallback)})
		}
	}
	p.EndX, p.TopY = fmt.Sprintf("%.0f s", p.MaxX), fmt.Sprintf("%.0f", p.MaxY)
	for _, m := range r.moments {
		p.Marks = append(p.Marks, report.Mark{X: m.at.Sub(r.report.Started).Seconds(), Text: m.text})
	}
	shown := slices.SortedFunc(maps.Keys(ids), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	for n, name := range shown {
		line := report.Line{Colour: n}
		for i, row := range rows {
			if calls, ok := row.Replicas[ids[name]]; ok {
				line.Points = append(line.Points, report.Point{X: float64(i) + 0.5, Y: float64(calls)})
			}
		}
		p.Lines = append(p.Lines, line)
	}
	return report.Chart{Label: r.drill.name + ": calls per replica and second", Panels: []report.Panel{p}, Legend: shown, Bars: "fallback"}.SVG()
}
