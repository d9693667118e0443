// Package cover draws the cover of a book as an SVG picture, from its title,
// author, category and id alone: the same book always has the same cover. The
// picture has no style attribute and no link, so that the strictest content security
// policy allows it.
package cover

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// Book holds the details of a book that its cover depends on.
type Book struct {
	ID       int64
	Title    string
	Author   string
	Category string // slug, which gives the family of colours and motifs
}

// Size of the drawing, in its own units.
const (
	Width  = 300
	Height = 450
)

// Draw returns the cover as an SVG document.
func Draw(b Book) []byte {
	d, rng := designOf(b)
	p := newPage(b, d, rng)
	layouts()[d.layout](p)
	p.spine()
	return p.end()
}

// design is what distinguishes covers at first sight. Two books of a category rarely have
// the same.
type design struct {
	layout int
	motif  motif
	face   face
	scheme int // which colours of the family are ground and ink
	turn   int // how far the colours are turned on the colour wheel
	apart  int // how far the second accent is from the first
}

// designOf draws the design of a book, by its id and title: ids alone would not do, because
// catalogues often have their categories at regular distances. The generator that it
// returns is for the details.
func designOf(b Book) (design, *rand.Rand) {
	sum := fnv.New64a()
	_, _ = sum.Write(binary.BigEndian.AppendUint64(nil, uint64(b.ID))) // never fails
	_, _ = sum.Write([]byte(b.Title))
	rng := rand.New(rand.NewPCG(sum.Sum64(), 0x626f6f6b))
	f := familyOf(b.Category)
	return design{
		layout: rng.IntN(len(layouts())),
		motif:  f.motifs[rng.IntN(len(f.motifs))],
		face:   f.face(rng.IntN(facesPerFamily)),
		scheme: rng.IntN(schemes),
		turn:   rng.IntN(turns),
		apart:  rng.IntN(aparts),
	}, rng
}

// layouts returns all layouts.
func layouts() []func(*page) {
	return []func(*page){
		plate, horizon, bands, rings, frame, tiles, initial, stripes, waves, // classic.go, modern.go
		emblem, medallion, looming, halves, scatter, cloth, // motifs.go
	}
}
