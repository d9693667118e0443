package cover

import (
	"bytes"
	"encoding/xml"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// page is a cover in the making.
type page struct {
	b    bytes.Buffer
	book Book
	rng  *rand.Rand
	design
	colours
}

func newPage(b Book, d design, rng *rand.Rand) *page {
	p := &page{book: b, rng: rng, design: d, colours: familyOf(b.Category).colours(d)}
	p.b.Grow(4096)
	p.b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 450" width="300" height="450" role="img"><title>`)
	p.escape(b.Title)
	if b.Author != "" {
		p.b.WriteString(", ")
		p.escape(b.Author)
	}
	p.b.WriteString("</title>")
	p.rect(0, 0, Width, Height, p.ground)
	return p
}

func (p *page) end() []byte {
	p.b.WriteString("</svg>\n")
	return p.b.Bytes()
}

// escape writes text, with U+FFFD for what XML does not allow.
func (p *page) escape(text string) {
	_ = xml.EscapeText(&p.b, []byte(text)) // a Buffer never fails
}

// spine draws the fold along the binding and the light on its edge, so that the flat
// picture looks like a book.
func (p *page) spine() {
	p.b.WriteString(`<rect x="0" y="0" width="9" height="450" fill="#000" fill-opacity="0.16"/>` +
		`<rect x="9" y="0" width="2" height="450" fill="#fff" fill-opacity="0.22"/>` +
		`<rect x="11" y="0" width="3" height="450" fill="#000" fill-opacity="0.08"/>`)
}

// write appends strings, colours and numbers, the numbers with at most one decimal.
func (p *page) write(parts ...any) {
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			p.b.WriteString(v)
		case motif:
			p.b.WriteString(string(v))
		case rgb:
			p.b.WriteString(v.String())
		case int:
			p.b.Write(strconv.AppendInt(p.b.AvailableBuffer(), int64(v), 10))
		case float64:
			p.number(v)
		}
	}
}

func (p *page) number(v float64) {
	tenths := int64(math.Round(v * 10))
	out := p.b.AvailableBuffer()
	if tenths < 0 {
		out, tenths = append(out, '-'), -tenths
	}
	out = strconv.AppendInt(out, tenths/10, 10)
	if tenths%10 != 0 {
		out = append(out, '.', byte('0'+tenths%10))
	}
	p.b.Write(out)
}

func (p *page) rect(x, y, w, h float64, fill rgb) {
	p.write(`<rect x="`, x, `" y="`, y, `" width="`, w, `" height="`, h, `" fill="`, fill, `"/>`)
}

func (p *page) outline(x, y, w, h, stroke float64, colour rgb) {
	p.write(`<rect x="`, x, `" y="`, y, `" width="`, w, `" height="`, h, `" fill="none" stroke="`, colour, `" stroke-width="`, stroke, `"/>`)
}

func (p *page) circle(x, y, r float64, fill rgb) {
	p.write(`<circle cx="`, x, `" cy="`, y, `" r="`, r, `" fill="`, fill, `"/>`)
}

func (p *page) ring(x, y, r, stroke float64, colour rgb) {
	p.write(`<circle cx="`, x, `" cy="`, y, `" r="`, r, `" fill="none" stroke="`, colour, `" stroke-width="`, stroke, `"/>`)
}

// path draws a filled shape; data is path data in parts, as write takes them.
func (p *page) path(fill rgb, data ...any) {
	p.write(`<path d="`)
	p.write(data...)
	p.write(`" fill="`, fill, `"/>`)
}

// stamp draws the motif of the cover with a radius of r, turned by degrees.
func (p *page) stamp(x, y, r, degrees float64, fill rgb) {
	p.write(`<path transform="translate(`, x, ` `, y, `)`)
	if degrees != 0 {
		p.write(`rotate(`, degrees, `)`)
	}
	p.b.WriteString(`scale(`)
	p.b.Write(strconv.AppendFloat(p.b.AvailableBuffer(), r/50, 'f', 2, 64))
	p.write(`)" fill-rule="evenodd" d="`, p.motif, `" fill="`, fill, `"/>`)
}

// shortTitle is the length in characters up to which a face may set a title in capitals.
const shortTitle = 24

// title and author return the text in the largest size that fits.
func (p *page) title(width, height float64) block {
	text := p.book.Title
	if p.face.caps && utf8.RuneCountInString(text) <= shortTitle {
		text = strings.ToUpper(text)
	}
	return fit(text, width/p.face.wide, height, 62, 52, 44, 39, 35, 31, 28, 25, 22, 20)
}

func (p *page) author(width float64) block {
	return fit(p.book.Author, width/p.face.wide, 52, 22, 20, 18)
}

// setTitle and setAuthor set a block whose first line begins below y. The anchor is start
// or middle.
func (p *page) setTitle(t block, x, y float64, anchor string, fill rgb) {
	p.set(t, x, y, anchor, p.face.weight, fill)
}

func (p *page) setAuthor(t block, x, y float64, anchor string, fill rgb) {
	p.set(t, x, y, anchor, "400", fill)
}

func (p *page) set(t block, x, y float64, anchor, weight string, fill rgb) {
	for i, line := range t.lines {
		p.write(`<text x="`, x, `" y="`, y+t.size*(0.92+leading*float64(i)), `" font-family="`, p.face.fonts, `" font-size="`, t.size,
			`" font-weight="`, weight)
		if p.face.italic {
			p.b.WriteString(`" font-style="italic`)
		}
		p.write(`" text-anchor="`, anchor, `" fill="`, fill, `">`)
		p.escape(line)
		p.b.WriteString("</text>")
	}
}
