package engine

// What a query has found out about an item. The lowest bit says that the item
// needs no further listing. The five highest are the strength of a book of the
// history.
const (
	untouched = 0 // its score is its prior alone
	touched   = 1 // a book of the history adds to its score
	excluded  = 3 // the reader has it
	liked     = 5 // it is of the history, and the reader likes it

	likedBit      = 4
	strengthShift = 3
)

// scratch is the working space of one query. Between queries all of state and
// score is zero; a query clears what it has set, which is far less than all.
type scratch struct {
	state   []uint8
	score   []float64
	touched []int32 // items, in the order found; room for one more than all
	seen    []int32 // the history, then the excluded, each item once
}

func newScratch(n int) *scratch {
	return &scratch{
		state:   make([]uint8, n),
		score:   make([]float64, n),
		touched: make([]int32, n+1),
		seen:    make([]int32, 0, n),
	}
}

// mark notes the items the reader has and returns those of the history that
// count, each once, and how many of them the reader likes. Items that do not
// exist are passed over.
func (s *scratch) mark(q Query) (history []int32, likes int) {
	s.seen = s.seen[:0]
	for k, i := range q.History {
		strength := Full
		if k < len(q.Strengths) {
			strength = min(q.Strengths[k], Full)
		}
		if i < 0 || int(i) >= len(s.state) || s.state[i] != untouched || strength == 0 {
			continue
		}
		s.state[i] = strength << strengthShift
		if strength >= Liked {
			s.state[i] |= liked
			likes++
		}
		s.seen = append(s.seen, i)
	}
	n := len(s.seen)
	for _, i := range q.Exclude {
		if i < 0 || int(i) >= len(s.state) || s.state[i]&touched != 0 {
			continue
		}
		if s.state[i] == untouched {
			s.seen = append(s.seen, i)
		}
		s.state[i] |= excluded
	}
	return s.seen[:n], likes
}

// part is how much a book of the history counts, 0 to 1. Multiples of it and of
// weightStep are exact, and so are their sums.
func (s *scratch) part(item int32) float64 {
	return float64(s.state[item]>>strengthShift) / float64(Full)
}

// add adds a part of one row of weights to the scores, and to the first n of the
// list of touched items those that got their first and that the reader does not
// have. It returns how many the list has then.
//
// A third of the items are new to the list, which no processor can predict, so
// there is no branch on it: each is written, and counted if new.
func (s *scratch) add(n int, row []cell, part float64) int {
	state, list := s.state, s.touched
	score := s.score[:len(state)]
	for _, c := range row {
		j := c.item
		known := state[j]
		score[j] += float64(float64(c.weight) * part)
		list[n] = j
		n += int(^known & touched)
		state[j] = known | touched
	}
	return n
}

// reset undoes a query that touched the given items.
func (s *scratch) reset(items []int32) {
	for _, j := range items {
		s.state[j], s.score[j] = untouched, 0
	}
	for _, i := range s.seen {
		s.state[i], s.score[i] = untouched, 0
	}
}
