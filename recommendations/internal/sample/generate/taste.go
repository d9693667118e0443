package main

import "slices"

// taste is what a synthetic reader likes. It determines the reader's ratings and
// label.
type taste struct {
	favourites []int   // genres, the best liked first
	shares     []int64 // share of each favourite, in percent
	authors    []int   // a few; the first writes in the first favourite
}

// newTaste draws a taste: one to three genres, mostly related ones, and a few
// authors who write in them.
func newTaste(c *catalogue, d dice) taste {
	var t taste
	switch n := d.below(100); {
	case n < 30:
		t.shares = []int64{100}
	case n < 75:
		t.shares = []int64{70, 30}
	default:
		t.shares = []int64{55, 30, 15}
	}
	weights := make([]int64, len(c.genres))
	for i, g := range c.genres {
		weights[i] = g.share
	}
	all := newUrn(weights)
	for len(t.favourites) < len(t.shares) {
		g := all.draw(d)
		if len(t.favourites) > 0 && d.chance(75) {
			g = c.kinOf(t.favourites[0], d)
		}
		if !slices.Contains(t.favourites, g) {
			t.favourites = append(t.favourites, g)
		}
	}
	for range 2 + d.below(3) {
		if a := t.drawAuthor(c, d); a >= 0 && !slices.Contains(t.authors, a) {
			t.authors = append(t.authors, a)
		}
	}
	return t
}

// kinOf draws a genre related to g.
func (c *catalogue) kinOf(g int, d dice) int {
	slug := c.genres[g].kin[d.below(int64(len(c.genres[g].kin)))]
	return slices.IndexFunc(c.genres, func(g genre) bool { return g.slug == slug })
}

// drawAuthor draws an author with at least two books in the favourite genres, or
// -1 when there is none. The first author drawn must write in the first genre.
func (t taste) drawAuthor(c *catalogue, d dice) int {
	weights := make([]int64, len(c.names))
	for a := range c.names {
		var sum works
		for f, g := range t.favourites {
			if f == 0 || len(t.authors) > 0 {
				sum.books += c.output[g][a].books
				sum.fame += c.output[g][a].fame * t.shares[f]
			}
		}
		if sum.books >= 2 {
			weights[a] = sum.fame
		}
	}
	return newUrn(weights).draw(d)
}
