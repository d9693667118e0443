package storefront

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Colours are those of the pages, for browsers that ask for light and for dark ones.
type Colours struct{ Light, Dark Palette }

// Palette has colours as #rgb or #rrggbb.
type Palette struct {
	Background   string `yaml:"background"`
	Surface      string `yaml:"surface"` // cards, panels and fields
	Text         string `yaml:"text"`
	Muted        string `yaml:"muted"` // text of less weight
	Line         string `yaml:"line"`
	Accent       string `yaml:"accent"` // links and buttons
	AccentStrong string `yaml:"accentStrong"`
	OnAccent     string `yaml:"onAccent"` // text of buttons
	Stripe       string `yaml:"stripe"`   // of the awning
}

// defaultColours returns those of shop.css, which a test compares.
func defaultColours() Colours {
	return Colours{
		Light: Palette{
			Background: "#f8f3ea", Surface: "#fffdf8", Text: "#241c14", Muted: "#655848", Line: "#ddcfb9",
			Accent: "#8c2f23", AccentStrong: "#6f2118", OnAccent: "#fffaf3", Stripe: "#8c2f23",
		},
		Dark: Palette{
			Background: "#17130f", Surface: "#221c16", Text: "#f3eadc", Muted: "#b9ab98", Line: "#40352a",
			Accent: "#f2a48f", AccentStrong: "#f7bfae", OnAccent: "#2a0f09", Stripe: "#7d2b20",
		},
	}
}

// CSS returns rules that set the colours, "" for the default ones.
func (c Colours) CSS() string {
	if c == defaultColours() {
		return ""
	}
	return ":root{" + c.Light.css() + "}\n@media(prefers-color-scheme:dark){:root{" + c.Dark.css() + "}}\n"
}

// properties lists the names in the file, the custom properties of shop.css, and the colours.
func (p Palette) properties() [][3]string {
	return [][3]string{
		{"background", "--paper", p.Background},
		{"surface", "--surface", p.Surface},
		{"text", "--ink", p.Text},
		{"muted", "--muted", p.Muted},
		{"line", "--line", p.Line},
		{"accent", "--accent", p.Accent},
		{"accentStrong", "--accent-strong", p.AccentStrong},
		{"onAccent", "--on-accent", p.OnAccent},
		{"stripe", "--stripe", p.Stripe},
	}
}

func (p Palette) css() string {
	var b strings.Builder
	for _, property := range p.properties() {
		fmt.Fprintf(&b, "%s:%s;", property[1], property[2])
	}
	return b.String()
}

func (c Colours) check() []error {
	return append(c.Light.check("colours.light"), c.Dark.check("colours.dark")...)
}

// leastContrast is that of text by WCAG 2.2, level AA (success criterion 1.4.3).
const leastContrast = 4.5

// check returns colours that are none, and texts that are hard to read on what is behind them.
func (p Palette) check(name string) (wrong []error) {
	colours := map[string]float64{} // relative luminance by name
	for _, property := range p.properties() {
		light, ok := luminance(property[2])
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s.%s is %q, want #rgb or #rrggbb", name, property[0], property[2]))
			continue
		}
		colours[property[0]] = light
	}
	if len(wrong) > 0 {
		return wrong
	}
	for _, pair := range [][2]string{
		{"text", "background"},
		{"text", "surface"},
		{"muted", "background"},
		{"muted", "surface"},
		{"accent", "background"},
		{"accent", "surface"},
		{"accentStrong", "background"},
		{"accentStrong", "surface"},
		{"onAccent", "accent"},
		{"onAccent", "accentStrong"},
	} {
		if got := contrast(colours[pair[0]], colours[pair[1]]); got < leastContrast {
			wrong = append(wrong, fmt.Errorf("%s: %s on %s has a contrast of %.2f, want at least %g", name, pair[0], pair[1], math.Floor(got*100)/100, leastContrast))
		}
	}
	return wrong
}

// contrast is the contrast ratio of two relative luminances, by WCAG 2.2.
func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance returns the relative luminance of a colour, by WCAG 2.2.
func luminance(colour string) (light float64, ok bool) {
	digits, ok := strings.CutPrefix(colour, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || len(digits) != 6 || err != nil {
		return 0, false
	}
	linear := func(channel uint64) float64 {
		share := float64(channel&0xff) / 255
		if share <= 0.04045 {
			return share / 12.92
		}
		return math.Pow((share+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n), true
}
