package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bookstall/internal/lab/markers"
)

// Where results are written to, below the folder of the repository.
const (
	document = "docs/reliability.md"
	pictures = "docs/drills"
)

// What the table stands between.
const (
	tableBegins = "<!-- make drills writes from here -->"
	tableEnds   = "<!-- to here -->"
)

// writeTable puts the results into the document.
func writeTable(root string, results []result) error {
	return markers.Rewrite(filepath.Join(root, document), tableBegins, tableEnds, table(results))
}

func table(results []result) string {
	var b strings.Builder
	b.WriteString("| drill | what happens | calls | full | fallback | shed, failed, late | p50 | p99 | max | recovered after | verdict |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
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
		verdict += r.apart()
		fmt.Fprintf(&b, "| [%s](drills/%s.svg) | %s | %d | %d | %d | %s | %.1f ms | %.1f ms | %.0f ms | %s | %s |\n",
			r.drill.name, r.drill.name, r.drill.shows, p.Calls, p.Full, p.Fallback, bad, p.P50, p.P99, p.Max, r.recovered(), verdict)
	}
	b.WriteString("\nMeasured beside the calls:\n\n")
	for _, r := range results {
		if len(r.figures) > 0 {
			fmt.Fprintf(&b, "- %s: %s.\n", r.drill.name, strings.Join(r.figures, "; "))
		}
	}
	return b.String()
}

func (r result) writePicture(root string) error {
	dir := filepath.Join(root, pictures)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.drill.name+".svg"), []byte(r.picture()), 0o644)
}

// The picture, in pixels.
const (
	left, right, top = 44, 12, 40
	plotWidth        = 720 - left - right
	plotHeight       = 170
	legendRow        = 18
	perRow           = 6
)

// picture draws the calls per replica and second, what fell back, and what was done.
func (r result) picture() string {
	rows := r.report.Timeline
	// The replicas are asked once more at the end, not a second after the last time.
	rows = rows[:min(len(rows), max(1, int(r.report.Seconds-0.5)))]
	names := map[string]string{} // by what is shown
	most := int64(1)
	for _, row := range rows {
		most = max(most, row.Fallback)
		for id, n := range row.Replicas {
			names[cmp.Or(r.names[id], id)] = id
			most = max(most, n)
		}
	}
	shown := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	seconds := float64(max(len(rows), 1))
	x := func(s float64) float64 { return left + min(max(s/seconds, 0), 1)*plotWidth }
	y := func(n int64) float64 { return top + plotHeight*(1-float64(n)/float64(most)) }

	entries := len(shown) + 1
	height := top + plotHeight + 30 + legendRow*((entries+perRow-1)/perRow)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 %d" role="img" aria-label="%s: calls per replica and second">`, height, r.drill.name)
	b.WriteString(`<style>text{font:11px sans-serif;fill:#57606a}.a{fill:none;stroke:#8c959f}.e{stroke:#bc4c00;stroke-dasharray:3 3}.f{fill:#d1242f;opacity:.55}polyline{fill:none;stroke-width:1.7}@media(prefers-color-scheme:dark){text{fill:#9da7b0}.e{stroke:#f0883e}}</style>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="14">%s: calls a second, by replica</text>`+"\n", left, r.drill.name)
	fmt.Fprintf(&b, `<path class="a" d="M%d %dV%dH%d"/><text x="%d" y="%d" text-anchor="end">%d</text><text x="%d" y="%d" text-anchor="end">0</text><text x="%d" y="%d" text-anchor="end">%.0f s</text>`+"\n",
		left, top, top+plotHeight, left+plotWidth, left-6, top+4, most, left-6, top+plotHeight+4, left+plotWidth, top+plotHeight+16, seconds)
	for i, row := range rows {
		if row.Fallback > 0 {
			fmt.Fprintf(&b, `<rect class="f" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x(float64(i)), y(row.Fallback), plotWidth/seconds, top+plotHeight-y(row.Fallback))
		}
	}
	r.drawMoments(&b, x)
	for n, name := range shown {
		var points []string
		for i, row := range rows {
			if calls, ok := row.Replicas[names[name]]; ok {
				points = append(points, fmt.Sprintf("%.1f,%.1f", x(float64(i)+0.5), y(calls)))
			}
		}
		fmt.Fprintf(&b, `<polyline stroke="%s" points="%s"/>`+"\n", color(n), strings.Join(points, " "))
	}
	for n, name := range append(shown, "fallback") {
		lx, ly := left+n%perRow*(plotWidth/perRow), top+plotHeight+32+legendRow*(n/perRow)
		fill := `fill="` + color(n) + `"`
		if n == len(shown) {
			fill = `class="f"`
		}
		fmt.Fprintf(&b, `<rect %s x="%d" y="%d" width="10" height="10"/><text x="%d" y="%d">%s</text>`, fill, lx, ly-9, lx+14, ly, name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawMoments draws a line at each moment, with the words of those that have room.
func (r result) drawMoments(b *strings.Builder, x func(float64) float64) {
	const letter = 6
	free := 0.0
	for _, m := range r.moments {
		at := x(m.at.Sub(r.report.Started).Seconds())
		fmt.Fprintf(b, `<path class="e" d="M%.1f %dV%d"/>`, at, top, top+plotHeight)
		wide := float64(letter * len(m.text))
		if start := min(at, left+plotWidth-wide); start >= free {
			fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`, start, top-6, escaper().Replace(m.text))
			free = start + wide
		}
		b.WriteString("\n")
	}
}

func escaper() *strings.Replacer { return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;") }

// color returns the n-th of many colours that can be told apart on light and dark.
func color(n int) string { return fmt.Sprintf("hsl(%d 62%% 52%%)", (210+n*137)%360) }
