package cover

import (
	"fmt"
	"hash/fnv"
	"math"
)

// rgb is a colour, each part from 0 to 1.
type rgb struct{ r, g, b float64 }

func hex(code uint32) rgb {
	part := func(shift int) float64 { return float64(code>>shift&0xff) / 0xff }
	return rgb{part(16), part(8), part(0)}
}

func (c rgb) String() string {
	part := func(v float64) int { return int(math.Round(min(max(v, 0), 1) * 0xff)) }
	return fmt.Sprintf("#%02x%02x%02x", part(c.r), part(c.g), part(c.b))
}

// mix returns a colour between c and d; share is the part of d, from 0 to 1.
func (c rgb) mix(d rgb, share float64) rgb {
	between := func(a, b float64) float64 { return a + (b-a)*share }
	return rgb{between(c.r, d.r), between(c.g, d.g), between(c.b, d.b)}
}

// palette is the colours of a category. Text is deep on pale or pale on deep, which
// is always readable.
type palette struct{ deep, bright, pale rgb }

func categoryPalette(category string) palette {
	for _, known := range [...]struct {
		slug               string
		deep, bright, pale uint32
	}{
		{"fantasy", 0x2e2459, 0x8f74d6, 0xefe9fb},
		{"science-fiction", 0x0b3048, 0x2ba6c1, 0xe2f3f6},
		{"mystery-thriller", 0x1d1e26, 0xcc3b2f, 0xf3eee8},
		{"romance", 0x6e1a3c, 0xe77a95, 0xfdecee},
		{"horror", 0x220f10, 0xa82a22, 0xf4e5dc},
		{"historical-fiction", 0x4d2d15, 0xc98d41, 0xf8eddb},
		{"classics", 0x143a2c, 0xb8933f, 0xf4eedd},
		{"young-adult", 0x133e6c, 0xf08c4e, 0xfff0e4},
		{"children", 0x0c524c, 0xf4b83d, 0xfff5d9},
		{"comics", 0x1e2c70, 0xf3c433, 0xfff3cb},
		{"poetry", 0x3f3b58, 0xab99cc, 0xf3eff8},
		{"biography-memoir", 0x37312a, 0xbc7f43, 0xf5efe5},
		{"history", 0x521f1a, 0xbf8f4e, 0xf7ecdc},
		{"self-help", 0x165340, 0x7dbd8d, 0xe9f6eb},
		{"religion-philosophy", 0x2c3145, 0xc5a35c, 0xf3efe4},
		{"science-business", 0x10325a, 0x5197cc, 0xe7f1f9},
		{"fiction", 0x233a4e, 0xdd765f, 0xf8efe6},
		{"non-fiction", 0x2d3d33, 0x8fa653, 0xf1f3e4},
	} {
		if known.slug == category {
			return palette{hex(known.deep), hex(known.bright), hex(known.pale)}
		}
	}
	// Categories of other catalogues get a colour from their slug.
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(category)) // never fails
	turn := float64(sum.Sum32()%360) / 360
	return palette{hue(turn, 0.45, 0.20), hue(turn, 0.50, 0.58), hue(turn, 0.45, 0.94)}
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

// Accent returns the colour of a category as #rrggbb.
func Accent(category string) string { return categoryPalette(category).bright.String() }
