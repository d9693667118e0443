package evaluate

import (
	"hash/fnv"
	"strconv"
)

// Folds is the number of parts into which readers are divided, and likewise the
// positives of a held-out reader.
const Folds = 5

// Split is data with one fold of readers held out.
type Split struct {
	Items int       // number of books
	Liked int       // number of books that at least one reader likes, held out or not
	Train [][]int32 // positives of each training reader, ascending
	// TrainRated holds all rated books of the same readers.
	TrainRated [][]Rated
	Cases      []Case // ascending by reader

	liked []bool // items that Liked counts; nil means all
}

// Case is a held-out reader. FoldIn, Hidden and Targets are ascending and have no
// item in common. In the result of [Data.Split], FoldIn and Targets are not empty.
type Case struct {
	Reader  int64
	FoldIn  []int32 // positives that the ranker gets
	Hidden  []int32 // positives that Shorten removed from FoldIn
	Targets []int32 // positives that the ranker should find
	// Rated holds the stars of the fold-in and of the reader's books below 4
	// stars. A ranking may contain the latter, but they are never targets: they
	// only serve to recommend other books.
	Rated []Rated
}

// Split holds out one fold, 0 to Folds-1. If mayTest is not nil, only readers that it
// accepts are held out, and all others are for training. That is for data in which
// only some histories are complete.
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

// Without returns the data without the readers that Split would hold out for the
// fold. Choose settings on another fold of it, so that the held-out readers do not
// influence them.
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

// divide divides the books of a held-out reader into fold-in and targets.
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

// without returns the rated books that are not among the given items, which are
// ascending.
func without(rated []Rated, items []int32) []Rated {
	var rest []Rated
	for _, r := range rated {
		if !has(items, r.Item) {
			rest = append(rest, r)
		}
	}
	return rest
}
