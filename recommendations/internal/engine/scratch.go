package engine

// The state of an item during a query. The lowest bit is set if the item must not
// be added to the list of touched items. The five highest bits are the strength of
// a book of the history.
const (
	untouched = 0 // its score is its prior only
	touched   = 1 // a book of the history adds to its score
	excluded  = 3 // the reader has it
	liked     = 5 // it is in the history, and the reader likes it

	likedBit      = 4
	strengthShift = 3
)

// scratch is the working space of one query. Between queries state, score and liked
// are zero. Each query resets only the items that it has set, which are few.
type scratch struct {
	state   []uint8
	score   []float64
	liked   []float64 // how much each liked book of the history counts, while reasons are looked for
	touched []int32   // items in the order found; one longer than the number of items, see add
	seen    []int32   // the history, then the excluded items, without repeats

	varied varied // of the last query with a [Variety]
}

func newScratch(n int) *scratch {
	return &scratch{
		state:   make([]uint8, n),
		score:   make([]float64, n),
		liked:   make([]float64, n),
		touched: make([]int32, n+1),
		seen:    make([]int32, 0, n),
	}
}

// mark sets the state of the items the reader has. It returns the items of the
// history with a strength above 0, without repeats, and how many of them the
// reader likes. It ignores items that do not exist.
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

// part returns how much a book of the history counts, 0 to 1. Its products with
// weights, which are multiples of weightStep, are exact, and so are their sums.
func (s *scratch) part(item int32) float64 {
	return float64(s.state[item]>>strengthShift) / float64(Full)
}

// add adds a row of weights, multiplied by part, to the scores. It appends the
// items that are new and that the reader does not have to the list of touched
// items, which has n items, and returns the new length.
//
// About a third of the items are new, which the processor cannot predict, so the
// loop has no branch: each item is written to the end of the list, and the length
// grows only if the item is new. Therefore the list needs room for one more.
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

// reset restores the zero state after a query that touched the given items.
func (s *scratch) reset(items []int32) {
	for _, j := range items {
		s.state[j], s.score[j] = untouched, 0
	}
	for _, i := range s.seen {
		s.state[i], s.score[i] = untouched, 0
	}
}
