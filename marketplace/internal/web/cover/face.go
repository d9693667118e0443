package cover

// face is a typeface of a cover: fonts that readers have, the last of which is a generic
// family, and how the title is set in it.
type face struct {
	fonts  string
	weight string
	italic bool
	caps   bool    // short titles are set in capitals
	wide   float64 // width of its letters; 1 is what measure assumes
}

const facesPerFamily = 4

// Lists of fonts.
const (
	serif     = "Iowan Old Style, Palatino Linotype, Palatino, Georgia, serif"
	didone    = "Didot, Bodoni MT, Playfair Display, Georgia, serif"
	slab      = "Rockwell, Roboto Slab, Georgia, serif"
	sans      = "Avenir Next, Segoe UI, Helvetica Neue, Arial, sans-serif"
	humanist  = "Optima, Candara, Gill Sans, sans-serif"
	geometric = "Futura, Century Gothic, Avenir Next, Arial, sans-serif"
)

// face returns one of the faces that suit the family.
func (f family) face(i int) face {
	if f.modern {
		return [facesPerFamily]face{
			{sans, "700", false, false, 1}, {slab, "700", false, false, 1.05}, {geometric, "700", false, true, 1.1}, {humanist, "700", false, false, 1},
		}[i]
	}
	return [facesPerFamily]face{
		{serif, "700", false, false, 1}, {serif, "400", true, false, 1}, {didone, "700", false, true, 1.05}, {humanist, "400", false, true, 1.05},
	}[i]
}
