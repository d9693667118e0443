package engine

// Query asks for the best books for one reader. No value of any field makes it
// fail.
type Query struct {
	// History is the books the reader has read, in any order. Give at least the
	// last 100 that he or she likes of a longer one; fewer cost accuracy. Those
	// that are liked are not in the answer.
	History []int32
	// Strengths says how much each book of History counts. Books it is too short
	// for, all if it is nil, count as Full; what is above Full counts as Full.
	Strengths []Strength
	// Exclude is books not to answer with, such as those the reader has but does
	// not like. Books of History that are liked need not be repeated.
	Exclude []int32
	// Category restricts the answer; AnyCategory (not 0) does not.
	Category int
	// K is how many books are wanted.
	K int
}

// Rank appends the K best books for a reader to dst, best first, and
// returns it. It gives fewer only when no more books of the category are left
// that the reader does not have; none for an unknown category or K below 1.
//
// The score of a book is the sum of the weights that the books of the history
// give it, each as far as the book counts, plus the [Prior], for as many books as
// the reader likes. All books of the category compete, whether the history says
// anything about them or not. Equal scores are ordered by index.
//
// Items out of range are passed over; repeated ones count once, as they do first.
// Rank does not allocate when dst has room for K books.
func (r *Ranker) Rank(dst []Scored, q Query) []Scored {
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

	history, likes := s.mark(q)
	n := 0
	for _, i := range history {
		n = s.add(n, r.rows.row(i), s.part(i))
	}
	items := s.touched[:n]
	factor := r.prior.factor(likes)

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
		if s.state[j]&touched == 0 && !b.offer(Scored{Item: j, Score: factor * r.share[j]}) {
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

// reason is the liked book of the history that adds most to the score of item j, ties
// by lower index.
func (r *Ranker) reason(s *scratch, j int32) int32 {
	reason, most := int32(NoReason), 0.0
	if s.state[j]&touched == 0 {
		return reason
	}
	for _, c := range r.columns.row(j) {
		if s.state[c.item]&likedBit == 0 {
			continue
		}
		if adds := float64(c.weight) * s.part(c.item); adds > most {
			reason, most = c.item, adds
		}
	}
	return reason
}
