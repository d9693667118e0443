// Package cover draws the cover of a book as an SVG picture, from its title,
// author, category and id alone: the same book always has the same cover. The
// picture has no style attribute and no link, so that the strictest content security
// policy allows it.
package cover

import "math/rand/v2"

// Book holds the details of a book that its cover depends on.
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

// layouts returns all layouts, in an order by which books with consecutive ids, often
// neighbours in a list, look different.
func layouts() []func(*page) {
	return []func(*page){plate, horizon, bands, rings, frame, tiles, initial, stripes, waves}
}
