package evaluate

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
)

// Sizes of the chart, in CSS pixels.
const (
	plotWidth, plotHeight = 760, 440
	plotLeft, plotRight   = 64, 190 // room for the numbers, and for the legend
	plotTop, plotBottom   = 52, 56
)

// plotColours returns colours that people with red-green colour blindness can tell
// apart. The first is the colour of the text, dark on light or light on dark.
func plotColours() []string {
	return []string{"currentColor", "#0a84c1", "#d97706", "#8b5fbf", "#0f9d76"}
}

// chart is a line chart.
type chart struct {
	title, across, up string
	places            []string // on the axis across
	lines             []chartLine
}

type chartLine struct {
	name   string
	points []chartPoint // one for each place
}

type chartPoint struct {
	value, standardError float64
	note                 string // beside the point; "" for none
}

// WritePlot draws NDCG@100 of each method against the number of books known, from
// ShortHistories, as SVG without scripts or fonts of its own. The chart is readable
// on light and dark backgrounds. Error: ShortHistories is empty.
func (r Report) WritePlot(w io.Writer) error {
	if len(r.ShortHistories) == 0 {
		return fmt.Errorf("there is nothing to draw: short histories were not measured")
	}
	c := chart{
		title:  fmt.Sprintf("NDCG@100 by number of books known, fold %d, %d readers", r.Fold, r.Readers),
		across: "books of the reader that the recommender knows", up: "NDCG@100, bars: one standard error",
	}
	for _, h := range r.ShortHistories {
		c.places = append(c.places, h.books())
	}
	for k, m := range r.ShortHistories[0].Methods {
		line := chartLine{name: m.Name}
		for _, h := range r.ShortHistories {
			result := h.Methods[k].Result
			line.points = append(line.points, chartPoint{value: result.NDCG100, standardError: result.NDCG100Error})
		}
		c.lines = append(c.lines, line)
	}
	return c.write(w)
}

// WriteVarietyPlot draws NDCG@10 of shelves against the most books by one author, a line for each
// number of books from outside. Error: Shelves is empty.
func (r Report) WriteVarietyPlot(w io.Writer) error {
	if len(r.Shelves) == 0 {
		return fmt.Errorf("there is nothing to draw: shelves with variety were not measured")
	}
	c := chart{
		title:  fmt.Sprintf("NDCG@10 of the first 12 books, fold %d, %d readers", r.Fold, r.Readers),
		across: "most books by one author", up: "NDCG@10, bars: one standard error",
	}
	for _, s := range r.Shelves {
		if s.Outside == r.Shelves[0].Outside {
			c.places = append(c.places, s.perAuthor())
		}
		name := fmt.Sprintf("%d from outside", s.Outside)
		if n := len(c.lines); n == 0 || c.lines[n-1].name != name {
			c.lines = append(c.lines, chartLine{name: name})
		}
		line := &c.lines[len(c.lines)-1]
		line.points = append(line.points, chartPoint{s.NDCG10, s.NDCG10Error, s.Step})
	}
	return c.write(w)
}

func (c chart) write(w io.Writer) error {
	p := plot{chart: c, step: axisStep(c.highest())}
	p.open()
	p.axes()
	for k := range c.lines {
		p.line(k)
	}
	p.print("</svg>\n")
	_, err := w.Write(p.text.Bytes())
	return err
}

func (c chart) highest() float64 {
	most := 0.0
	for _, line := range c.lines {
		for _, point := range line.points {
			most = max(most, point.value+point.standardError)
		}
	}
	return most
}

// axisStep returns a round distance that divides an axis into four to ten parts.
func axisStep(highest float64) float64 {
	highest = max(highest, 0.01)
	step := math.Pow(10, math.Floor(math.Log10(highest)))
	for highest/step < 4 {
		step /= 2
	}
	return step
}

type plot struct {
	chart

	step float64
	text bytes.Buffer
}

func (p *plot) print(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

func (p *plot) top() float64 { return math.Ceil(p.highest()/p.step) * p.step }

func (p *plot) x(k int) float64 {
	return plotLeft + (plotWidth-plotLeft-plotRight)*(float64(k)+0.5)/float64(len(p.places))
}

func (p *plot) y(value float64) float64 {
	return plotHeight - plotBottom - (plotHeight-plotTop-plotBottom)*value/max(p.top(), p.step)
}

func (p *plot) open() {
	p.print(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title">`+"\n",
		plotWidth, plotHeight, plotWidth, plotHeight)
	p.print("<title id=\"title\">%s</title>\n", p.title)
	p.print(`<style>
svg { color: #1a1a1a; background: #ffffff; font: 13px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { color: #f0f0f0; background: #16181c } }
text { fill: currentColor }
.grid { stroke: currentColor; stroke-opacity: .18 }
.line { fill: none; stroke-width: 2.2 }
</style>
`)
	p.print(`<text x="%d" y="26" font-size="15">%s</text>`+"\n", plotLeft, p.title)
}

func (p *plot) axes() {
	right := plotWidth - plotRight
	for value := 0.0; value < p.top()+p.step/2; value += p.step {
		p.print(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%.3g</text>`+"\n",
			plotLeft, right, p.y(value), p.y(value), plotLeft-8, p.y(value)+4.5, value)
	}
	for k, place := range p.places {
		p.print(`<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", p.x(k), plotHeight-plotBottom+20, place)
	}
	p.print(`<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (plotLeft+right)/2, plotHeight-14, p.across)
	p.print(`<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (plotTop+plotHeight-plotBottom)/2, p.up)
}

// line draws the line with index k and its entry in the legend.
func (p *plot) line(k int) {
	colours := plotColours()
	colour := colours[k%len(colours)]
	p.print(`<g stroke="%s"><polyline class="line" points="`, colour)
	for x, point := range p.lines[k].points {
		p.print("%.1f,%.1f ", p.x(x), p.y(point.value))
	}
	p.print(`"/>` + "\n")
	for x, point := range p.lines[k].points {
		p.print(`<line x1="%.1[1]f" x2="%.1[1]f" y1="%.1[2]f" y2="%.1[3]f"/><circle cx="%.1[1]f" cy="%.1[4]f" r="3" fill="%[5]s"/>`+"\n",
			p.x(x), p.y(point.value-point.standardError), p.y(point.value+point.standardError), p.y(point.value), colour)
	}
	left, y := plotWidth-plotRight+16, plotTop+8+22*k
	p.print(`<line class="line" x1="%d" x2="%d" y1="%d" y2="%d"/></g>`+"\n", left, left+22, y, y)
	p.print(`<text x="%d" y="%d">`, left+30, y+4)
	_ = xml.EscapeText(&p.text, []byte(p.lines[k].name)) // cannot fail: it writes to memory
	p.print("</text>\n")
	for x, point := range p.lines[k].points {
		if point.note != "" {
			p.print(`<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", p.x(x), p.y(point.value)+20, point.note)
		}
	}
}
