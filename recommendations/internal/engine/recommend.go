package engine

// Query asks for the best books for one reader. No value of any field makes it
// fail.
type Query struct {
	// History is the books the reader likes, in any order. Give at least the
	// last 100 of a longer one; fewer cost accuracy.
	History []int32
	// Exclude is other books not to answer with, such as those the reader has
	// but does not like. History need not be repeated.
	Exclude []int32
	// Category restricts the answer; AnyCategory (not 0) does not.
	Category int
	// K is how many books are wanted.
	K int
}

// Recommend appends the K best books for a reader to dst, best first, and
// returns it. It gives fewer only when no more books of the category are left
// that the reader does not have; none for an unknown category or K below 1.
//
// The score of a book is the sum of the weights that the books of the history
// give it, plus the [Prior]. All books of the category compete, whether the
// history says anything about them or not. Equal scores are ordered by index.
//
// Items out of range are passed over, repeated ones count once. Recommend does
// not allocate when dst has room for K books.
func (r *Ranker) Recommend(dst []Scored, q Query) []Scored {
	shelf := r.shelfOf(q.Category)
	if shelf == nil {
		return dst
	}
	k := min(q.K, len(shelf.bestsellers))
	if k < 1 {
		return dst
	}
	s := r.scratch.Get().(*scratch)
	defer r.scratch.Put(s)

	history := s.mark(q.History, q.Exclude)
	n := 0
	for _, i := range history {
		n = s.add(n, r.rows.row(i))
	}
	items := s.touched[:n]
	factor := r.prior.factor(len(history))

	b := newBest(dst, k)
	for _, j := range items {
		// Most fall short of the worst of a full list even with all of the
		// prior; they need no closer look. Rounding keeps the order.
		if s.score[j]+factor < b.floor || !shelf.has(j) {
			continue
		}
		b.offer(Scored{Item: j, Score: s.score[j] + float64(factor*r.share[j])})
	}
	// What is left has its prior alone for a score, which the list of
	// bestsellers is in the order of: one that is not good enough ends it.
	for _, j := range shelf.bestsellers {
		if s.state[j] == untouched && !b.offer(Scored{Item: j, Score: factor * r.share[j]}) {
			break
		}
	}
	dst = b.sorted()
	for i := range dst[b.base:] {
		dst[b.base+i].Because = r.reason(s, dst[b.base+i].Item)
	}
	s.reset(items)
	return dst
}

// reason is the book of the history that adds most to the score of item j, ties
// by lower index.
func (r *Ranker) reason(s *scratch, j int32) int32 {
	reason, most := int32(NoReason), float32(0)
	if s.state[j] != touched {
		return reason
	}
	for _, c := range r.columns.row(j) {
		if s.state[c.item] == liked && c.weight > most {
			reason, most = c.item, c.weight
		}
	}
	return reason
}
