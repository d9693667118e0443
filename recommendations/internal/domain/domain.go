// Package domain has the types of the recommendations service as plain Go values:
// books, ratings, interactions, readers and their histories, and the errors that the
// service can answer with.
package domain

import "errors"

// The errors that RPCs answer with. Callers wrap them with what they were doing;
// package server maps each to one gRPC code.
var (
	// ErrBookNotFound: no book has the id that was asked for.
	ErrBookNotFound = errors.New("book not found")
	// ErrCategoryNotFound: no book has the category.
	ErrCategoryNotFound = errors.New("category not found")
	// ErrNotReady: the catalogue or the model is not loaded yet.
	ErrNotReady = errors.New("not ready")
	// ErrReadOnly: there is no store, so interactions cannot be stored.
	ErrReadOnly = errors.New("no store")
	// ErrStoreDown: the store is unreachable or did not answer in time.
	ErrStoreDown = errors.New("store cannot be reached")
)

// PositiveStars is the lowest number of stars by which a reader likes a book. A book
// with fewer stars only stays off the reader's shelf.
const PositiveStars = 4

// Book is a book of the catalogue.
type Book struct {
	ID         int64    // > 0, unique
	Title      string   // without the series, e.g. "The Hobbit"
	Author     string   // first author, e.g. "J.R.R. Tolkien"
	Year       int      // year of first publication; negative is BCE, 0 is unknown
	Categories []string // 1 to 4 slugs, the main one first, no duplicates
	Popularity int64    // readers who like it, ≥ 0

	// All fields below may be empty.
	Series      string // e.g. "The Lord of the Rings #1"
	ISBN        string // 10 or 13 characters, no hyphens
	Description string
	Price       string // decimal with a point, e.g. "12.90"
	Currency    string // ISO 4217, set if and only if Price is
	Language    string // BCP 47, e.g. "en"
}

// Rating is one reader's stars for one book.
type Rating struct {
	UserID int64 // > 0
	BookID int64 // > 0
	Stars  int   // 1 to 5
}

// SampleReader is a reader of the data set that visitors can switch to, to compare
// shelves.
type SampleReader struct {
	ID    int64
	Label string // e.g. "Synthetic reader 7: fantasy, J.R.R. Tolkien"
}

// MaxSamples bounds the sample readers of a catalogue.
const MaxSamples = 1000

// Catalog is one version of all books. It is immutable once built.
type Catalog struct {
	Version string // changes whenever Books change
	Books   []Book // sorted by ID
	Samples []SampleReader
}

// Library is a catalogue and ratings of its books.
type Library struct {
	Catalog
	Ratings []Rating
}

// Histories groups the ratings by reader, as an import does. The last rating of a
// book counts.
func (l Library) Histories() map[int64]History {
	last := map[int64]map[int64]int{} // index in the history, by reader and book
	histories := map[int64]History{}
	for _, r := range l.Ratings {
		at := last[r.UserID]
		if at == nil {
			at = map[int64]int{}
			last[r.UserID] = at
		}
		h := histories[r.UserID]
		if k, ok := at[r.BookID]; ok {
			h[k].Stars = r.Stars
			continue
		}
		at[r.BookID] = len(h)
		histories[r.UserID] = append(h, Entry{BookID: r.BookID, Stars: r.Stars})
	}
	return histories
}
