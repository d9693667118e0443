package evaluate

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
)

const (
	// PositiveStars is the lowest rating that says "likes".
	PositiveStars = 4
	// MinPositives is how many books a reader must like to be counted.
	MinPositives = 5
)

// Rating is one reader's stars for one book.
type Rating struct {
	Reader int64
	Book   int64
	Stars  int
}

// Data is ratings by reader. Books are items: the index of the book in Books.
type Data struct {
	Books   []int64  // ids, ascending
	Readers []Reader // ascending by id
}

// Reader is a reader with at least MinPositives books.
type Reader struct {
	ID    int64
	Items []int32 // liked, ascending, each once
	Rated []Rated // all that has stars, liked or not, ascending by item, each once
}

// Rated is one book of a reader.
type Rated struct {
	Item  int32
	Stars uint8
}

// NewData collects ratings by step 1 of the protocol. The catalogue gives the ids
// of all books, in any order; nil stands for every book with a rating. A rating
// of a book outside the catalogue is an error. The order of ratings is without
// effect.
func NewData(catalogue []int64, ratings iter.Seq[Rating]) (Data, error) {
	type stars struct {
		book  int64
		stars uint8
	}
	byReader := map[int64][]stars{}
	rated := map[int64]bool{}
	for r := range ratings {
		rated[r.Book] = true
		byReader[r.Reader] = append(byReader[r.Reader], stars{r.Book, uint8(max(0, min(r.Stars, math.MaxUint8)))})
	}
	d, index, err := index(catalogue, rated)
	if err != nil {
		return Data{}, err
	}
	for id, books := range byReader {
		// A book that was rated twice counts as what it was liked most.
		slices.SortFunc(books, func(a, b stars) int {
			return cmp.Or(cmp.Compare(a.book, b.book), cmp.Compare(b.stars, a.stars))
		})
		books = slices.CompactFunc(books, func(a, b stars) bool { return a.book == b.book })
		r := Reader{ID: id, Rated: make([]Rated, len(books))}
		for k, b := range books {
			r.Rated[k] = Rated{Item: index[b.book], Stars: b.stars}
			if b.stars >= PositiveStars {
				r.Items = append(r.Items, index[b.book])
			}
		}
		if len(r.Items) >= MinPositives {
			d.Readers = append(d.Readers, r)
		}
	}
	slices.SortFunc(d.Readers, func(a, b Reader) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return d, nil
}

// index numbers the books of the catalogue in ascending order of id.
func index(catalogue []int64, rated map[int64]bool) (Data, map[int64]int32, error) {
	books := slices.Clone(catalogue)
	if catalogue == nil {
		for b := range rated {
			books = append(books, b)
		}
	}
	slices.Sort(books)
	books = slices.Compact(books)
	if len(books) > math.MaxInt32 {
		return Data{}, nil, fmt.Errorf("%d books, want at most %d", len(books), math.MaxInt32)
	}
	items := make(map[int64]int32, len(books))
	for i, b := range books {
		items[b] = int32(i)
	}
	unknown, found := int64(0), false
	for b := range rated {
		if _, ok := items[b]; !ok && (!found || b < unknown) {
			unknown, found = b, true
		}
	}
	if found {
		return Data{}, nil, fmt.Errorf("book %d has ratings but is not in the catalogue", unknown)
	}
	return Data{Books: books}, items, nil
}

// Positives is the number of pairs of a reader and a book.
func (d Data) Positives() int {
	n := 0
	for _, r := range d.Readers {
		n += len(r.Items)
	}
	return n
}
