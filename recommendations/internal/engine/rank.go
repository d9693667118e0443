package engine

import (
	"cmp"
	"slices"
)

// Query asks for the best books for one reader. All field values are valid.
type Query struct {
	// History holds the books of the reader, in any order. Of a long history,
	// pass at least the last 100 books that the reader likes; fewer cost
	// accuracy. The answer does not contain books of History that are liked.
	History []int32
	// Strengths holds how much each book of History counts. If it is shorter
	// than History, the other books have the strength Full. Values above Full
	// count as Full.
	Strengths []Strength
	// Exclude holds further books that must not be in the answer, such as those
	// the reader has but does not like.
	Exclude []int32
	// Category is the only category of the answer, or AnyCategory. 0 is a category.
	Category int
	// K is the number of books wanted.
	K int
}

// Rank appends the K best books for a reader to dst, best first, and returns
// the extended slice. It appends fewer only if the category has no more books that
// the reader does not have, and none for an unknown category or a K below 1.
//
// The score of a book is the sum of the weights of the books of the history for
// it, each multiplied by strength / Full, plus the [Prior] for the number of books
// that the reader likes. All books of the category compete, also those without
// such weights. Equal scores are ordered by index.
//
// Items out of range are ignored. Of repeated items, the first one counts.
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

	items, factor := r.score(s, q)
	base := len(dst)
	dst = r.best(dst, s, shelf, items, factor, k)
	r.because(s, dst[base:])
	s.reset(items)
	return dst
}

// score adds up the weights of a history. It returns the items that have some, and by what to
// multiply popularity. The caller must reset the items.
func (r *Ranker) score(s *scratch, q Query) (items []int32, factor float64) {
	history, likes := s.mark(q)
	n := 0
	for _, i := range history {
		n = s.add(n, r.rows.row(i), s.part(i))
	}
	return s.touched[:n], r.prior.factor(likes)
}

// best appends the k best items of a shelf to dst, best first, without reasons.
func (r *Ranker) best(dst []Scored, s *scratch, shelf *shelf, items []int32, factor float64, k int) []Scored {
	b := newBest(dst, k)
	for _, j := range items {
		// Most items would not be among the best even with the whole prior, so
		// they are skipped early. Rounding does not change the order.
		if s.score[j]+factor < b.floor || !shelf.has(j) {
			continue
		}
		b.offer(Scored{Item: j, Score: r.total(s, j, factor)})
	}
	// The score of the other items is their prior, by which bestsellers are
	// ordered: after the first that is not among the best, no other is.
	for _, j := range shelf.bestsellers {
		if s.state[j]&touched == 0 && !b.offer(Scored{Item: j, Score: factor * r.share[j]}) {
			break
		}
	}
	return b.sorted()
}

// total is the whole score of an item.
func (r *Ranker) total(s *scratch, j int32, factor float64) float64 {
	return s.score[j] + float64(factor*r.share[j])
}

// Reasons returns the liked books of a history that add most to the score of an item, at most
// n, the largest share first. Ties go to the lower index. It returns none for an item out of
// range, and for one whose score is its prior.
func (r *Ranker) Reasons(q Query, item int32, n int) []int32 {
	if item < 0 || int(item) >= r.Items() {
		return nil
	}
	s := r.scratch.Get().(*scratch)
	defer r.scratch.Put(s)
	s.mark(q)
	defer s.reset(nil)
	type share struct {
		item int32
		adds float64
	}
	var shares []share
	for _, c := range r.columns.row(item) {
		if adds := float64(c.weight) * s.part(c.item); s.state[c.item]&likedBit != 0 && adds > 0 {
			shares = append(shares, share{c.item, adds})
		}
	}
	slices.SortFunc(shares, func(a, b share) int { return cmp.Or(cmp.Compare(b.adds, a.adds), cmp.Compare(a.item, b.item)) })
	var reasons []int32
	for _, s := range shares[:max(0, min(n, len(shares)))] {
		reasons = append(reasons, s.item)
	}
	return reasons
}

// because gives each book of an answer its reason: the liked book of the history that adds most to its
// score, if any does. Ties go to the lower index.
func (r *Ranker) because(s *scratch, answer []Scored) {
	for _, i := range s.seen {
		if s.state[i]&likedBit != 0 {
			s.liked[i] = s.part(i)
		}
	}
	for k := range answer {
		reason, most := int32(NoReason), 0.0
		for _, c := range r.columns.row(answer[k].Item) {
			// There is no branch on whether the book is liked: the processor cannot predict it.
			if adds := float64(c.weight) * s.liked[c.item]; adds > most {
				reason, most = c.item, adds
			}
		}
		answer[k].Because = reason
	}
	for _, i := range s.seen {
		s.liked[i] = 0
	}
}
