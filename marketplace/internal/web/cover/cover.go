package cover

import "math/rand/v2"

// Book is what a cover shows.
type Book struct {
	ID       int64
	Title    string
	Author   string
	Category string // slug, which gives the colours
}

// Size of the drawing, in its own units.
const (
	Width  = 300
	Height = 450
)

// Draw returns the cover as an SVG document.
func Draw(b Book) []byte {
	rng := rand.New(rand.NewPCG(uint64(b.ID), 0x626f6f6b)) // the same book, the same cover
	p := newPage(b, rng)
	all := layouts()
	all[int(uint64(b.ID)%uint64(len(all)))](p)
	p.spine()
	return p.end()
}

// layouts are the ways to draw a cover. Neighbours in a list often have ids that
// follow each other, so they look different.
func layouts() []func(*page) {
	return []func(*page){plate, horizon, bands, rings, frame, tiles, initial, stripes, waves}
}
