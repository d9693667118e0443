package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bookstall/internal/lab/markers"
)

// Where results are written to, below the folder of the repository.
const (
	document = "docs/reliability.md"
	picture  = "docs/soak.svg"
)

// What the table stands between.
const (
	tableBegins = "<!-- make soak writes from here -->"
	tableEnds   = "<!-- to here -->"
)

// grouped writes a number with commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// tell prints a quiet point.
func (s *soak) tell(calls int64, watched []*process) {
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

// cells are a row of the final table.
func (r row) cells() []string {
	verdict := "pass"
	if r.grew() {
		verdict = "FAIL"
	}
	return []string{r.process, r.what.name, r.what.text(r.first), r.what.text(r.last), r.what.text(r.growth), r.what.text(r.limit), verdict}
}

// heads are the words above cells.
func (r result) heads() []string {
	first, last := int64(0), int64(0)
	if len(r.rows) > 0 {
		first, last = r.rows[0].firstCalls, r.rows[0].lastCalls
	}
	return []string{"process", "", "after " + grouped(first) + " calls", "after " + grouped(last), "growth", "limit", "verdict"}
}

// table is the result for a terminal.
func (r result) table() string {
	var b strings.Builder
	const format = "%-12s %-18s %20s %16s %10s %10s  %s"
	for _, cells := range r.grid() {
		args := make([]any, len(cells))
		for i, c := range cells {
			args[i] = c
		}
		b.WriteString(strings.TrimSpace(fmt.Sprintf(format, args...)) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (r result) grid() [][]string {
	grid := [][]string{r.heads()}
	for _, row := range r.rows {
		grid = append(grid, row.cells())
	}
	return grid
}

// summary is what was done, in a sentence.
func (r result) summary() string {
	c := r.counts
	return fmt.Sprintf("%s calls in %v: %s full, %s fallback, %s shed, %s failed, %s repeated; of them %s writes. "+
		"Besides: %s live shelves opened and closed, %d failed, with %s changes; %d replicas replaced, %d of them lost without a warning; %d resets; %d models trained.",
		grouped(c.Calls), r.took.Round(time.Second), grouped(c.Full), grouped(c.Fallback), grouped(c.Shed), grouped(c.Failed), grouped(c.Retried), grouped(c.writes),
		grouped(c.streams), c.failedStreams, grouped(c.shelves), c.replaced, c.killed, c.resets, c.trained)
}

// write writes the picture and the table.
func (r result) write(root string) error {
	if err := os.WriteFile(filepath.Join(root, picture), []byte(r.picture()), 0o644); err != nil {
		return err
	}
	return markers.Rewrite(filepath.Join(root, document), tableBegins, tableEnds, r.markdown())
}

func (r result) markdown() string {
	var b strings.Builder
	for i, cells := range r.grid() {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.summary())
	for _, f := range r.faults() {
		fmt.Fprintf(&b, "\n**FAIL**: %s.\n", f)
	}
	return b.String()
}

// The picture, in pixels.
const (
	left, right, top = 60, 12, 44
	plotWidth        = 720 - left - right
	plotHeight       = 110
	panelHeight      = plotHeight + 40
)

// picture draws goroutines, files and live heap over the calls: lines through the
// quiet points, and thin ones for what was held while readers called.
func (r result) picture() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 %d" role="img" aria-label="goroutines, open files and live heap over %s calls">`, top+3*panelHeight, grouped(r.settings.calls))
	b.WriteString(`<style>text{font:11px sans-serif;fill:#57606a}.a{fill:none;stroke:#8c959f}.w{fill:#8c959f;opacity:.15}polyline{fill:none;stroke-width:1.7}.l{stroke-width:.8;opacity:.5}@media(prefers-color-scheme:dark){text{fill:#9da7b0}}</style>` + "\n")
	for i, p := range r.points {
		x := left + i*140
		fmt.Fprintf(&b, `<rect fill="%s" x="%d" y="5" width="10" height="10"/><text x="%d" y="14">%s</text>`, color(i), x, x+14, p.name)
	}
	fmt.Fprintf(&b, `<text x="%d" y="14">thick: nobody calls; thin: readers call; grey: the warm-up</text>`+"\n", left+14+len(r.points)*120)
	for i, q := range quantities()[:3] {
		r.panel(&b, float64(top+i*panelHeight), q, i < 2)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// panel draws one quantity; loaded says whether what was held under load is shown.
func (r result) panel(b *strings.Builder, y0 float64, q quantity, loaded bool) {
	most := 1.0
	each := func(do func(process int, points []point, class string)) {
		for i, p := range r.points {
			if loaded {
				do(i, p.loaded, ` class="l"`)
			}
			do(i, p.quiet, "")
		}
	}
	each(func(_ int, points []point, _ string) {
		for _, p := range points {
			most = max(most, q.of(p.usage))
		}
	})
	bottom := y0 + plotHeight
	fmt.Fprintf(b, `<rect class="w" x="%d" y="%.0f" width="%.1f" height="%d"/>`, left, y0, warmUp*plotWidth, plotHeight)
	fmt.Fprintf(b, `<path class="a" d="M%d %.0fV%.0fH%d"/>`, left, y0, bottom, left+plotWidth)
	fmt.Fprintf(b, `<text x="%d" y="%.0f">%s</text>`, left, y0-6, q.name)
	fmt.Fprintf(b, `<text x="%d" y="%.0f" text-anchor="end">%s</text><text x="%d" y="%.0f" text-anchor="end">0</text>`, left-6, y0+4, q.text(most), left-6, bottom+4)
	fmt.Fprintf(b, `<text x="%d" y="%.0f" text-anchor="end">%s calls</text>`+"\n", left+plotWidth, bottom+16, grouped(r.settings.calls))
	each(func(i int, points []point, class string) {
		var at []string
		for _, p := range points {
			x := left + plotWidth*float64(p.calls)/float64(r.settings.calls)
			at = append(at, fmt.Sprintf("%.1f,%.1f", x, y0+plotHeight*(1-q.of(p.usage)/most)))
		}
		if len(at) > 1 {
			fmt.Fprintf(b, `<polyline%s stroke="%s" points="%s"/>`+"\n", class, color(i), strings.Join(at, " "))
		}
	})
}

// color returns the n-th of many colours that can be told apart on light and dark.
func color(n int) string { return fmt.Sprintf("hsl(%d 62%% 52%%)", (210+n*137)%360) }
