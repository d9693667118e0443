package report

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Chart is a picture of one panel or more, one below the other, with one legend.
// It can be read on a light and on a dark page.
type Chart struct {
	Label  string // what it shows, for those who cannot see it
	Width  int    // in pixels; 0 for 720
	Panels []Panel
	Legend []string // names of the colours of the lines, from 0
	Bars   string   // name of what the bars show; "" if there are none
	Note   string   // below the legend
}

// Panel is one diagram. Its axes begin at 0; a value beyond an axis is drawn at the
// end of the axis.
type Panel struct {
	Title      string
	Height     int // height of the plot, in pixels
	MaxX, MaxY float64
	EndX, TopY string  // labels of MaxX and MaxY
	Shaded     float64 // x up to which the background is grey
	Bars       []Bar
	Marks      []Mark
	Lines      []Line
	Rows       []string // text in place of the plot, a line each
}

// Bar stands on the x axis.
type Bar struct{ X, Width, Y float64 }

// Mark is a vertical line with a text, which is left out where there is no room.
type Mark struct {
	X    float64
	Text string
}

// Line connects points. A faint one is thin.
type Line struct {
	Colour int
	Faint  bool
	Points []Point
}

// Point is a place in a panel.
type Point struct{ X, Y float64 }

// Sizes in pixels.
const (
	chartWidth  = 720
	left, right = 60, 12
	row         = 20 // height of a line of text
	letter      = 6
	mostPerRow  = 6 // names in a row of the legend
	gap         = 20
)

const style = `<style>text{font:11px sans-serif;fill:#57606a}.a{fill:none;stroke:#8c959f}.s{fill:#8c959f;opacity:.15}` +
	`.m{stroke:#bc4c00;stroke-dasharray:3 3}.b{fill:#d1242f;opacity:.55}polyline{fill:none;stroke-width:1.7}.f{stroke-width:.8;opacity:.5}` +
	`@media(prefers-color-scheme:dark){text{fill:#9da7b0}.m{stroke:#f0883e}}</style>`

// SVG draws the chart.
func (c Chart) SVG() string {
	content, height := c.draw()
	return document(c.Label, c.width(), height, content)
}

// Grid draws charts in columns, row by row.
func Grid(label string, columns int, charts []Chart) string {
	var b strings.Builder
	x, y, high, wide := 0, 0, 0, 0
	for i, c := range charts {
		content, height := c.draw()
		fmt.Fprintf(&b, `<svg x="%d" y="%d" width="%d" height="%d">%s</svg>`+"\n", x, y, c.width(), height, content)
		wide, high = max(wide, x+c.width()), max(high, height)
		x += c.width() + gap
		if (i+1)%columns == 0 || i == len(charts)-1 {
			x, y, high = 0, y+high, 0
		}
	}
	return document(label, wide, y, b.String())
}

func document(label string, width, height int, content string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">%s`+"\n%s</svg>\n",
		width, height, escape(label), style, content)
}

func (c Chart) width() int { return cmp.Or(c.Width, chartWidth) }

// draw returns what the chart consists of, and its height.
func (c Chart) draw() (content string, height int) {
	var b strings.Builder
	y, plotWidth := 0, c.width()-left-right
	for _, p := range c.Panels {
		y = p.draw(&b, y, plotWidth)
	}
	names := c.Legend
	if c.Bars != "" {
		names = append(names[:len(names):len(names)], c.Bars)
	}
	longest := 0
	for _, name := range names {
		longest = max(longest, utf8.RuneCountInString(name))
	}
	perRow := min(max(1, plotWidth/(14+letter*(longest+1))), mostPerRow)
	for i, name := range names {
		if i%perRow == 0 {
			y += row
		}
		fill := `fill="` + colour(i) + `"`
		if i == len(c.Legend) {
			fill = `class="b"`
		}
		x := left + i%perRow*(plotWidth/perRow)
		fmt.Fprintf(&b, `<rect %s x="%d" y="%d" width="10" height="10"/>`, fill, x, y-9)
		text(&b, float64(x+14), y, "", name)
	}
	if c.Note != "" {
		y += row
		text(&b, left, y, "", c.Note)
	}
	return b.String(), y + row/2
}

// draw draws the panel below y and returns where it ends.
func (p Panel) draw(b *strings.Builder, y, plotWidth int) int {
	text(b, left, y+row-6, "", p.Title)
	if len(p.Rows) > 0 {
		for i, words := range p.Rows {
			text(b, left, y+(i+2)*row-6, "", words)
		}
		return y + (len(p.Rows)+1)*row
	}
	top := y + row
	if len(p.Marks) > 0 {
		top += row
	}
	bottom := top + p.Height
	scale := func(v, most float64, pixels int) float64 { return min(max(v/most, 0), 1) * float64(pixels) }
	px := func(x float64) float64 { return left + scale(x, p.MaxX, plotWidth) }
	py := func(y float64) float64 { return float64(bottom) - scale(y, p.MaxY, p.Height) }

	if p.Shaded > 0 {
		fmt.Fprintf(b, `<rect class="s" x="%d" y="%d" width="%.1f" height="%d"/>`, left, top, px(p.Shaded)-left, p.Height)
	}
	fmt.Fprintf(b, `<path class="a" d="M%d %dV%dH%d"/>`, left, top, bottom, left+plotWidth)
	text(b, left-6, top+4, "end", p.TopY)
	text(b, left-6, bottom+4, "end", "0")
	text(b, float64(left+plotWidth), bottom+16, "end", p.EndX)
	for _, bar := range p.Bars {
		fmt.Fprintf(b, `<rect class="b" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, px(bar.X), py(bar.Y), px(bar.X+bar.Width)-px(bar.X), float64(bottom)-py(bar.Y))
	}
	free := 0.0
	for _, m := range p.Marks {
		fmt.Fprintf(b, `<path class="m" d="M%.1f %dV%d"/>`, px(m.X), top, bottom)
		wide := float64(letter * len(m.Text))
		if start := min(px(m.X), float64(left+plotWidth)-wide); start >= free {
			text(b, start, top-6, "", m.Text)
			free = start + wide
		}
	}
	b.WriteString("\n")
	for _, l := range p.Lines {
		class := ""
		if l.Faint {
			class = ` class="f"`
		}
		var points []string
		for _, at := range l.Points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", px(at.X), py(at.Y)))
		}
		fmt.Fprintf(b, `<polyline%s stroke="%s" points="%s"/>`+"\n", class, colour(l.Colour), strings.Join(points, " "))
	}
	return bottom + row
}

func text(b *strings.Builder, x float64, y int, anchor, words string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d"%s>%s</text>`, x, y, anchor, escape(words))
}

func escape(words string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(words)
}

// colour returns the n-th of many colours that can be told apart on light and dark.
func colour(n int) string { return fmt.Sprintf("hsl(%d 62%% 52%%)", (210+n*137)%360) }
