package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bookstall/internal/lab/report"
)

// Where results are written, below the folder of the repository.
const (
	document = "docs/reliability.md"
	picture  = "docs/soak.svg"
)

// grouped formats a number with commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// printQuiet prints what the processes held at a quiet point.
func (s *soak) printQuiet(calls int64, watched []*process) {
	text := fmt.Sprintf("%9s calls", grouped(calls))
	for _, p := range watched {
		u := p.quiet[len(p.quiet)-1].usage
		text += fmt.Sprintf(" | %s: %3.0f goroutines, %3.0f files, live heap %s, resident %.0f MB, %.0f labels",
			p.name, u.goroutines, u.files, megabytes(u.heap), u.resident/(1<<20), u.labels)
	}
	if calls > 0 {
		text += fmt.Sprintf(" | %v", time.Since(s.began).Round(time.Second))
	}
	fmt.Fprintln(s.out, text)
}

// table has a row for each quantity of each process.
func (r result) table() report.Table {
	first, last := int64(0), int64(0)
	if len(r.rows) > 0 {
		first, last = r.rows[0].firstCalls, r.rows[0].lastCalls
	}
	t := report.Table{Head: []string{"process", "", "after " + grouped(first) + " calls", "after " + grouped(last), "growth", "limit", "verdict"}}
	for _, row := range r.rows {
		verdict := "pass"
		if row.grew() {
			verdict = "FAIL"
		}
		t.Add(row.process, row.what.name, row.what.text(row.first), row.what.text(row.last), row.what.text(row.growth), row.what.text(row.limit), verdict)
	}
	return t
}

// summary says in a sentence what was done.
func (r result) summary() string {
	c := r.counts
	return fmt.Sprintf("%s calls in %v: %s full, %s fallback, %s shed, %s failed, %s retried; of them %s writes. "+
		"Besides: %s live shelves opened and closed, %d failed, with %s changes; %d replicas replaced, %d of them killed; %d resets; %d models trained. "+
		"No replica was sick: %v.",
		grouped(c.Calls), r.took.Round(time.Second), grouped(c.Full), grouped(c.Fallback), grouped(c.Shed), grouped(c.Failed), grouped(c.Retried), grouped(c.writes),
		grouped(c.streams), c.failedStreams, grouped(c.shelves), c.replaced, c.killed, c.resets, c.trained, r.exclusions)
}

// write writes the picture and the table.
func (r result) write(root string) error {
	if err := os.WriteFile(filepath.Join(root, picture), []byte(r.picture()), 0o644); err != nil {
		return err
	}
	return report.Rewrite(filepath.Join(root, document), "make soak", r.markdown())
}

func (r result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.table().Markdown(), r.summary())
	for _, f := range r.faults() {
		fmt.Fprintf(&b, "\n**FAIL**: %s.\n", f)
	}
	return b.String()
}

// picture draws goroutines, files and live heap over the calls: lines through the
// quiet points, and faint ones for what was held under load. Under load the heap has
// garbage in it, so only its quiet points are drawn.
func (r result) picture() string {
	c := report.Chart{
		Label: "goroutines, open files and live heap over " + grouped(r.command.Calls) + " calls",
		Note:  "thick: no calls in flight; thin: under load; grey: the warm-up",
	}
	for _, p := range r.points {
		c.Legend = append(c.Legend, p.name)
	}
	total := float64(r.command.Calls)
	for i, q := range quantities()[:3] {
		panel := report.Panel{Title: q.name, Height: 110, MaxX: total, MaxY: 1, EndX: grouped(r.command.Calls) + " calls", Shaded: warmUp * total}
		add := func(colour int, points []point, faint bool) {
			line := report.Line{Colour: colour, Faint: faint}
			for _, p := range points {
				panel.MaxY = max(panel.MaxY, q.of(p.usage))
				line.Points = append(line.Points, report.Point{X: float64(p.calls), Y: q.of(p.usage)})
			}
			if len(points) > 1 {
				panel.Lines = append(panel.Lines, line)
			}
		}
		for n, p := range r.points {
			if i < 2 {
				add(n, p.loaded, true)
			}
			add(n, p.quiet, false)
		}
		panel.TopY = q.text(panel.MaxY)
		c.Panels = append(c.Panels, panel)
	}
	return c.SVG()
}
