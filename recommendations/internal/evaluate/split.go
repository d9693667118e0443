package evaluate

import (
	"hash/fnv"
	"strconv"
)

// Folds is the number of parts that readers, and the books of a held-out reader,
// are divided into.
const Folds = 5

// Split is data with one fold of readers held out.
type Split struct {
	Items int       // number of books
	Liked int       // books that at least one reader likes, held out or not
	Train [][]int32 // what each reader for training likes, ascending
	// TrainRated is all that the same readers rated, liked or not.
	TrainRated [][]Rated
	Cases      []Case // ascending by reader

	liked []bool // which items Liked counts; nil for all
}

// Case is a held-out reader: three lists without a book in common, each
// ascending. Split leaves neither FoldIn nor Targets empty.
type Case struct {
	Reader  int64
	FoldIn  []int32 // what the ranker is told
	Hidden  []int32 // the rest of the fold-in, when it was shortened
	Targets []int32 // what the ranker should find
	// Rated is the fold-in with its stars, and what else the reader rated, below
	// 4. The latter is neither a target nor left out of the ranking: a shop knows
	// it, and it counts for what can be learnt from it alone.
	Rated []Rated
}

// Split holds out one fold, 0 to Folds-1. Where mayTest is given, only readers
// it accepts are held out and all others are for training; it serves data in
// which only some histories are complete.
func (d Data) Split(fold int, mayTest func(reader int64) bool) Split {
	s := Split{Items: len(d.Books), liked: make([]bool, len(d.Books))}
	for _, r := range d.Readers {
		for _, i := range r.Items {
			if !s.liked[i] {
				s.liked[i] = true
				s.Liked++
			}
		}
		if !heldOut(r.ID, fold, mayTest) {
			s.Train = append(s.Train, r.Items)
			s.TrainRated = append(s.TrainRated, r.Rated)
		} else if c := d.divide(r); len(c.Targets) > 0 && len(c.FoldIn) > 0 {
			s.Cases = append(s.Cases, c)
		}
	}
	return s
}

// Without is the data less the readers that Split would hold out for the fold:
// settings are chosen on another fold of the rest, so that the held-out readers
// have no say in them.
func (d Data) Without(fold int, mayTest func(reader int64) bool) Data {
	rest := Data{Books: d.Books}
	for _, r := range d.Readers {
		if !heldOut(r.ID, fold, mayTest) {
			rest.Readers = append(rest.Readers, r)
		}
	}
	return rest
}

func heldOut(reader int64, fold int, mayTest func(int64) bool) bool {
	return hashReader(reader)%Folds == uint64(fold) && (mayTest == nil || mayTest(reader))
}

// divide makes the case of a held-out reader.
func (d Data) divide(r Reader) Case {
	c := Case{Reader: r.ID}
	for _, i := range r.Items {
		if hashPair(r.ID, d.Books[i])%Folds == 0 {
			c.Targets = append(c.Targets, i)
		} else {
			c.FoldIn = append(c.FoldIn, i)
		}
	}
	c.Rated = without(r.Rated, c.Targets)
	return c
}

func hashReader(reader int64) uint64 { return hash(strconv.FormatInt(reader, 10)) }

func hashPair(reader, book int64) uint64 {
	return hash(strconv.FormatInt(reader, 10) + ":" + strconv.FormatInt(book, 10))
}

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // a hash never fails
	return h.Sum64()
}

// without gives the books that are not among some items.
func without(rated []Rated, items []int32) []Rated {
	var rest []Rated
	for _, r := range rated {
		if !has(items, r.Item) {
			rest = append(rest, r)
		}
	}
	return rest
}
