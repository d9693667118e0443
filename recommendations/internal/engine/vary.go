package engine

import "slices"

// Dozen is the number of books that a [Variety] is about. A shelf with more begins a new
// dozen after it.
const Dozen = 12

// Variety asks for a shelf that is not all of one kind. The zero value asks for nothing: the
// shelf is that of [Ranker.Rank].
//
// The method is greedy re-ranking, as in Ziegler et al., "Improving Recommendation Lists Through
// Topic Diversification" (WWW 2005): each place is given to the best book that is not taken and
// that the rules allow there. Unlike maximal marginal relevance (Carbonell & Goldstein, SIGIR
// 1998) it needs no similarity of each two books, and what it promises can be counted on the
// shelf.
type Variety struct {
	// PerAuthor is the most books by one author in a dozen; 0 for any number. When all other
	// authors are used up, the best of the remaining books follow, so that the shelf is full.
	PerAuthor int
	// Outside is how many places of the first dozen are for books from outside what the history
	// is made of: by an author of whom the reader has no book, and of a main category that fewer
	// than a tenth of the reader's books have. The places divide the dozen into equal parts, each
	// of which ends with such a place. Where the shop has no such book, the next best has the place.
	Outside int
	// New holds new items. One of them has the last place but one of the first dozen, unless one is
	// before it anyway: the one with the best score, or else, as new books have no readers, the
	// first of the category that most of the reader's books have.
	New []int32
}

// varied is the working space of a query with a Variety. Between queries all counts are zero.
type varied struct {
	candidates []Scored
	had        []bool  // whether the reader has a book of the author
	shown      []int32 // books of the author on the shelf
	categories []int32 // books of the reader's with the main category
	books      int32   // books of the reader's
}

// takenBit is the bit of an item that is on the shelf, or that the reader has.
const takenBit = excluded &^ touched

// RankVaried is [Ranker.Rank] with a Variety. The books are not in the order of their scores.
func (r *Ranker) RankVaried(dst []Scored, q Query, v Variety) []Scored {
	of := r.shelfOf(q.Category)
	if of == nil {
		return dst
	}
	k := min(q.K, len(of.bestsellers))
	if k < 1 {
		return dst
	}
	s := r.scratch.Get().(*scratch)
	defer r.scratch.Put(s)
	items, factor := r.score(s, q)
	p := picker{Ranker: r, s: s, v: v, shelf: of, items: items, factor: factor, dozen: min(Dozen, k)}
	p.begin(k)
	base := len(dst)
	dst = slices.Grow(dst, k)
	for place := range k {
		one, ok := p.pick(place)
		if !ok {
			break
		}
		dst = append(dst, one)
	}
	r.because(s, dst[base:])
	p.end()
	s.reset(items)
	return dst
}

// picker fills one shelf.
type picker struct {
	*Ranker
	s      *scratch
	v      Variety
	shelf  *shelf
	items  []int32 // those with a score besides their prior
	factor float64
	dozen  int  // places of the first dozen
	hasNew bool // whether one of New is on the shelf
	whole  bool // whether there are no more candidates
}

// spare is how many candidates there are at first for each shelf, besides its length.
const spare = 52

func (p *picker) begin(k int) {
	w := &p.s.varied
	if w.had == nil {
		w.had, w.shown = make([]bool, p.authorCount), make([]int32, p.authorCount)
		w.categories = make([]int32, len(p.shelves))
	}
	for _, i := range p.s.seen {
		if a := p.authors[i]; a >= 0 {
			w.had[a] = true
		}
		if c := p.mainCategory[i]; c >= 0 {
			w.categories[c]++
		}
	}
	w.books = int32(len(p.s.seen))
	p.find(k + spare)
}

// end restores the zero state, but for the marks of items, which reset takes away.
func (p *picker) end() {
	w := &p.s.varied
	for _, i := range p.s.seen { // those on the shelf are among them
		if a := p.authors[i]; a >= 0 {
			w.had[a], w.shown[a] = false, 0
		}
		if c := p.mainCategory[i]; c >= 0 {
			w.categories[c] = 0
		}
	}
}

// find makes the n best items the candidates.
func (p *picker) find(n int) {
	w := &p.s.varied
	w.candidates = p.best(w.candidates[:0], p.s, p.shelf, p.items, p.factor, n)
	p.whole = len(w.candidates) < n
}

// pick takes the book of a place.
func (p *picker) pick(place int) (Scored, bool) {
	limit := p.Items()
	if p.v.PerAuthor > 0 {
		limit = p.v.PerAuthor * (1 + place/Dozen)
	}
	allowed := func(i int32) bool {
		return p.s.state[i]&takenBit == 0 && (p.authors[i] < 0 || int(p.s.varied.shown[p.authors[i]]) < limit)
	}
	if p.isOutside(place) {
		fits := func(i int32) bool { return p.outside(i) && allowed(i) }
		if one, ok := p.first(fits); ok {
			return p.take(one), true
		}
		if one, ok := p.bestOf(fits); ok {
			return p.take(one), true
		}
	}
	if !p.hasNew && place == p.dozen-2 {
		if one, ok := p.newBook(allowed); ok {
			return p.take(one), true
		}
	}
	for {
		one, ok := p.first(allowed)
		if ok {
			return p.take(one), true
		}
		if p.whole {
			break
		}
		p.find(8 * len(p.s.varied.candidates))
	}
	one, ok := p.first(func(i int32) bool { return p.s.state[i]&takenBit == 0 })
	if !ok {
		return Scored{}, false
	}
	return p.take(one), true
}

// isOutside reports whether a place is for a book from outside the history.
func (p *picker) isOutside(place int) bool {
	n := min(p.v.Outside, p.dozen)
	return place < p.dozen && p.s.varied.books > 0 && (place+1)*n/p.dozen > place*n/p.dozen
}

func (p *picker) outside(i int32) bool {
	w := &p.s.varied
	a, c := p.authors[i], p.mainCategory[i]
	return (a < 0 || !w.had[a]) && (c < 0 || 10*w.categories[c] < w.books)
}

// first returns the best candidate that fits.
func (p *picker) first(fits func(int32) bool) (Scored, bool) {
	for _, c := range p.s.varied.candidates {
		if fits(c.Item) {
			return c, true
		}
	}
	return Scored{}, false
}

// bestOf returns the best item that fits, of all.
func (p *picker) bestOf(fits func(int32) bool) (found Scored, ok bool) {
	offer := func(j int32) {
		if one := (Scored{Item: j, Score: p.total(p.s, j, p.factor)}); !ok || better(one, found) {
			found, ok = one, true
		}
	}
	for _, j := range p.items {
		if p.shelf.has(j) && fits(j) {
			offer(j)
		}
	}
	for _, j := range p.shelf.bestsellers { // by score: the first that fits is the best of them
		if p.s.state[j]&touched == 0 && fits(j) {
			offer(j)
			break
		}
	}
	return found, ok
}

// newBook returns the new item for the reader.
func (p *picker) newBook(allowed func(int32) bool) (found Scored, ok bool) {
	w := &p.s.varied
	kin := func(j int32) int32 {
		if c := p.mainCategory[j]; c >= 0 {
			return w.categories[c]
		}
		return 0
	}
	for _, j := range p.v.New {
		if j < 0 || int(j) >= p.Items() || !p.shelf.has(j) || p.s.state[j]&likedBit != 0 || !allowed(j) {
			continue
		}
		one := Scored{Item: j, Score: p.total(p.s, j, p.factor)}
		speaks, best := p.s.score[j] > 0, ok && p.s.score[found.Item] > 0
		if !ok || speaks && (!best || better(one, found)) || !speaks && !best && kin(j) > kin(found.Item) {
			found, ok = one, true
		}
	}
	return found, ok
}

// take puts an item on the shelf.
func (p *picker) take(one Scored) Scored {
	i := one.Item
	p.s.state[i] |= excluded
	p.s.seen = append(p.s.seen, i) // so that reset restores it
	if a := p.authors[i]; a >= 0 {
		p.s.varied.shown[a]++
	}
	p.hasNew = p.hasNew || slices.Contains(p.v.New, i)
	return one
}
