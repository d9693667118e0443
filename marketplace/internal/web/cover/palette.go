package cover

import "math"

// rgb is a colour, each part from 0 to 1.
type rgb struct{ r, g, b float64 }

func hex(code uint32) rgb {
	part := func(shift int) float64 { return float64(code>>shift&0xff) / 0xff }
	return rgb{part(16), part(8), part(0)}
}

func (c rgb) String() string {
	const digits = "0123456789abcdef"
	text := [...]byte{'#', 0, 0, 0, 0, 0, 0}
	for i, v := range [...]float64{c.r, c.g, c.b} {
		part := int(math.Round(min(max(v, 0), 1) * 0xff))
		text[1+2*i], text[2+2*i] = digits[part>>4], digits[part&0xf]
	}
	return string(text[:])
}

// mix returns a colour between c and d; share is the part of d, from 0 to 1.
func (c rgb) mix(d rgb, share float64) rgb {
	between := func(a, b float64) float64 { return a + (b-a)*share }
	return rgb{between(c.r, d.r), between(c.g, d.g), between(c.b, d.b)}
}

// turned returns the colour turned on the colour wheel; share is the part of a whole turn.
func (c rgb) turned(share float64) rgb {
	high, low := max(c.r, c.g, c.b), min(c.r, c.g, c.b)
	if high == low {
		return c
	}
	lightness, reach := (high+low)/2, high-low
	var turn float64
	switch high {
	case c.r:
		turn = (c.g - c.b) / reach
	case c.g:
		turn = (c.b-c.r)/reach + 2
	default:
		turn = (c.r-c.g)/reach + 4
	}
	turn = turn/6 + share
	return hue(turn-math.Floor(turn), reach/(1-math.Abs(2*lightness-1)), lightness)
}

// hue converts from HSL; all parameters are from 0 to 1.
func hue(turn, saturation, lightness float64) rgb {
	reach := saturation * min(lightness, 1-lightness)
	part := func(n float64) float64 {
		k := math.Mod(n+turn*12, 12)
		return lightness - reach*max(-1, min(k-3, 9-k, 1))
	}
	return rgb{part(0), part(8), part(4)}
}

// palette is the colours of a category.
type palette struct{ deep, bright, pale rgb }

// colours are those of one cover. Text is ink on ground, or ground on ink.
type colours struct{ ground, ink, accent, second rgb }

// How many variants of its family's colours a cover chooses from.
const (
	schemes = 4
	turns   = 5
	aparts  = 3
)

// colours returns the colours of a design.
func (p palette) colours(d design) colours {
	turn := float64(d.turn-turns/2) * 0.022
	deep, bright, pale := p.deep.turned(turn), p.bright.turned(turn), p.pale.turned(turn)
	second := bright.turned([aparts]float64{-0.09, 0.09, 0.42}[d.apart])
	if d.apart == 2 { // the opposite colour, muted
		second = second.mix(deep, 0.3)
	}
	switch d.scheme {
	case 0:
		return colours{deep, pale, bright, second}
	case 1:
		return colours{pale, deep, bright, second}
	case 2: // dusk
		return colours{deep.mix(bright, 0.1), pale.mix(hex(0xffffff), 0.5), bright.mix(pale, 0.25), second.mix(pale, 0.3)}
	default: // tinted paper
		return colours{pale.mix(bright, 0.18), deep.mix(hex(0), 0.25), bright.mix(deep, 0.2), second.mix(deep, 0.1)}
	}
}

// Accent returns the colour of a category as #rrggbb.
func Accent(category string) string { return familyOf(category).bright.String() }
