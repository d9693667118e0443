package main

// taste is what a synthetic reader likes. Ratings and labels both follow from
// it.
type taste struct {
	favourites []int   // genres, the first is liked most
	shares     []int64 // percent of each favourite
	authors    []int   // a few, the first writes in the first favourite
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
		if !has(t.favourites, g) {
			t.favourites = append(t.favourites, g)
		}
	}
	for range 2 + d.below(3) {
		if a := t.drawAuthor(c, d); a >= 0 && !has(t.authors, a) {
			t.authors = append(t.authors, a)
		}
	}
	return t
}

func (c *catalogue) kinOf(g int, d dice) int {
	slug := c.genres[g].kin[d.below(int64(len(c.genres[g].kin)))]
	for i := range c.genres {
		if c.genres[i].slug == slug {
			return i
		}
	}
	return g
}

// drawAuthor draws somebody with two books or more in a favourite genre: one
// book makes no favourite author. The first author is of the first genre.
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

func has(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}
