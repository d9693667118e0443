// Package domain has the types of the recommendations service as plain Go values:
// books, ratings, interactions, readers and their histories, and the errors that the
// service can answer with.
package domain

import (
	"errors"
	"slices"
	"strings"
	"time"
)

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
	Popularity int64    // how many readers like it, ≥ 0; see Catalog.HasPopularity

	// All fields below may be empty.
	ExternalID  string `json:",omitempty"` // the id in the owner's files, if it is no number there
	Series      string // e.g. "The Lord of the Rings #1"
	ISBN        string // 10 or 13 characters, no hyphens
	Description string
	Price       string // decimal with a point, e.g. "12.90"
	Currency    string // ISO 4217, set if and only if Price is
	Language    string // BCP 47, e.g. "en"

	// The version of a catalogue does not depend on the fields below where they are empty:
	// earlier versions did not have them.
	Availability Availability  `json:",omitzero"`
	Stock        *int64        `json:",omitzero"` // copies for sale, ≥ 0; nil is unknown
	Hidden       bool          `json:",omitzero"` // on no shelf and in no list
	BuyURL       string        `json:",omitzero"` // absolute http or https address
	Publisher    string        `json:",omitzero"`
	Format       string        `json:",omitzero"` // e.g. "Paperback"
	Pages        int           `json:",omitzero"` // 0 is unknown
	SeriesNumber string        `json:",omitzero"` // e.g. "2"; then Series is the name alone
	Contributors []Contributor `json:",omitzero"` // besides the author
	Added        time.Time     `json:",omitzero"` // when the catalogue got it, UTC, to the second; zero is unknown
	Gone         bool          `json:",omitzero"` // the owner's files no longer have it; it stays for the histories that name it
}

// Availability says whether a book can be bought.
type Availability string

// The availabilities.
const (
	AvailabilityUnknown Availability = "" // it can be bought unless there is no stock
	Available           Availability = "available"
	Unavailable         Availability = "unavailable"
)

// Shown reports whether shelves and lists may have the book. The others have a page, and
// their places in histories and in the model.
func (b *Book) Shown() bool { return !b.Hidden && !b.Gone }

// CanBeBought reports whether the book can be bought, as far as is known.
func (b *Book) CanBeBought() bool {
	return b.Availability == Available || b.Availability == AvailabilityUnknown && (b.Stock == nil || *b.Stock > 0)
}

// Contributor is a further author, or somebody else who made a book.
type Contributor struct {
	Name string
	Role string // e.g. "illustrator"; empty for a further author
}

// FormatContributors writes contributors as one text: their names, each with its role in
// parentheses, separated by |.
func FormatContributors(list []Contributor) string {
	var text strings.Builder
	for i, c := range list {
		if i > 0 {
			text.WriteByte('|')
		}
		text.WriteString(c.Name)
		if c.Role != "" {
			text.WriteString(" (" + c.Role + ")")
		}
	}
	return text.String()
}

// ParseContributors reads what FormatContributors writes, also with white space around
// names and roles.
func ParseContributors(text string) (list []Contributor) {
	if text == "" {
		return nil
	}
	for one := range strings.SplitSeq(text, "|") {
		name, role := strings.TrimSpace(one), ""
		if i := strings.LastIndexByte(name, '('); i >= 0 && strings.HasSuffix(name, ")") {
			name, role = strings.TrimSpace(name[:i]), strings.TrimSpace(name[i+1:len(name)-1])
		}
		list = append(list, Contributor{name, role})
	}
	return list
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

// HasPopularity reports whether any book has a popularity. If none has, replicas serve the
// number of readers whom the model counts.
func (c *Catalog) HasPopularity() bool {
	return slices.ContainsFunc(c.Books, func(b Book) bool { return b.Popularity != 0 })
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
