package evaluate

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
)

const (
	// PositiveStars is the lowest rating of a book that the reader likes.
	PositiveStars = 4
	// MinPositives is the fewest positives of a reader who is not left out.
	MinPositives = 5
)

// Rating is one reader's stars for one book.
type Rating struct {
	Reader int64
	Book   int64
	Stars  int
}

// Data holds ratings by reader. An item is the index of a book in Books.
type Data struct {
	Books   []int64  // ids, ascending
	Readers []Reader // ascending by id
}

// Reader is a reader with at least MinPositives positives.
type Reader struct {
	ID    int64
	Items []int32 // the positives, ascending, without repeats
	Rated []Rated // all rated books, ascending by item, without repeats
}

// Rated is one rated book of a reader.
type Rated struct {
	Item  int32
	Stars uint8
}

// NewData collects ratings by step 1 of the protocol. catalogue holds the ids of all
// books, in any order; nil means every book with a rating. The order of the ratings
// has no effect.
//
// Errors: a rating of a book that is not in the catalogue, or more than 2³¹-1 books.
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
		// Of several ratings of a book, the highest counts.
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
	slices.SortFunc(d.Readers, func(a, b Reader) int { return cmp.Compare(a.ID, b.ID) })
	return d, nil
}

// index numbers the books of the catalogue in ascending order of id. It returns
// data without readers, and the item of each book.
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
