package cover

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strings"
)

// page is a cover in the making.
type page struct {
	b    strings.Builder
	book Book
	rng  *rand.Rand

	ground rgb // the colour of the paper
	ink    rgb // the colour of text on it
	accent rgb
}

func newPage(b Book, rng *rand.Rand) *page {
	colours := categoryPalette(b.Category)
	p := &page{book: b, rng: rng, accent: colours.bright}
	if rng.IntN(5) < 3 {
		p.ground, p.ink = colours.deep, colours.pale
	} else {
		p.ground, p.ink = colours.pale, colours.deep
	}
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`, Width, Height, Width, Height)
	p.b.WriteString("<title>")
	p.escape(b.Title)
	if b.Author != "" {
		p.escape(", " + b.Author)
	}
	p.b.WriteString("</title>")
	p.rect(0, 0, Width, Height, p.ground)
	return p
}

func (p *page) end() []byte {
	p.b.WriteString("</svg>\n")
	return []byte(p.b.String())
}

// escape writes text, with U+FFFD for what XML does not allow.
func (p *page) escape(text string) {
	_ = xml.EscapeText(&p.b, []byte(text)) // a Builder never fails
}

// spine draws the fold along the binding and the light on its edge, so that the flat
// picture looks like a book.
func (p *page) spine() {
	p.shade(0, 0, 9, Height, "#000", 0.16)
	p.shade(9, 0, 2, Height, "#fff", 0.22)
	p.shade(11, 0, 3, Height, "#000", 0.08)
}

func (p *page) shade(x, y, w, h float64, colour string, opacity float64) {
	fmt.Fprintf(&p.b, `<rect x="%.4g" y="%.4g" width="%.4g" height="%.4g" fill="%s" fill-opacity="%.3g"/>`, x, y, w, h, colour, opacity)
}

func (p *page) rect(x, y, w, h float64, fill rgb) {
	fmt.Fprintf(&p.b, `<rect x="%.4g" y="%.4g" width="%.4g" height="%.4g" fill="%s"/>`, x, y, w, h, fill)
}

func (p *page) outline(x, y, w, h, stroke float64, colour rgb) {
	fmt.Fprintf(&p.b, `<rect x="%.4g" y="%.4g" width="%.4g" height="%.4g" fill="none" stroke="%s" stroke-width="%.3g"/>`, x, y, w, h, colour, stroke)
}

func (p *page) circle(x, y, r float64, fill rgb) {
	fmt.Fprintf(&p.b, `<circle cx="%.4g" cy="%.4g" r="%.4g" fill="%s"/>`, x, y, r, fill)
}

func (p *page) ring(x, y, r, stroke float64, colour rgb) {
	fmt.Fprintf(&p.b, `<circle cx="%.4g" cy="%.4g" r="%.4g" fill="none" stroke="%s" stroke-width="%.3g"/>`, x, y, r, colour, stroke)
}

// path draws a filled shape; d is path data.
func (p *page) path(d string, fill rgb) {
	fmt.Fprintf(&p.b, `<path d="%s" fill="%s"/>`, d, fill)
}

// Fonts that readers have; the last of each list is a generic family.
const (
	serif = "Iowan Old Style, Palatino Linotype, Palatino, Georgia, serif"
	sans  = "Avenir Next, Segoe UI, Helvetica Neue, Arial, sans-serif"
)

// text draws a block whose first line begins below y. The anchor is start or middle.
func (p *page) text(t block, x, y float64, anchor, font, weight string, fill rgb) {
	for i, line := range t.lines {
		fmt.Fprintf(&p.b, `<text x="%.4g" y="%.4g" font-family="%s" font-size="%.3g" font-weight="%s" text-anchor="%s" fill="%s">`,
			x, y+t.size*(0.92+leading*float64(i)), font, t.size, weight, anchor, fill)
		p.escape(line)
		p.b.WriteString("</text>")
	}
}

// title and author return the text in the largest size that fits.
func (p *page) title(width, height float64) block {
	return fit(p.book.Title, width, height, 62, 52, 44, 39, 35, 31, 28, 25, 22, 20)
}

func (p *page) author(width float64) block {
	return fit(p.book.Author, width, 52, 22, 20, 18)
}
