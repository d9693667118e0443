package catalog

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// ErrBookNotFound says that no book has the id that was asked for.
var ErrBookNotFound = errors.New("book not found")

// Catalog is the books of the shop. It is safe for concurrent use. Books that
// it returns share memory with it, so their Categories must not be changed.
type Catalog struct {
	current atomic.Pointer[shelves]
}

// New returns a catalogue without books, which is not ready.
func New() *Catalog {
	c := &Catalog{}
	c.current.Store(newShelves(Contents{}))
	return c
}

// Replace puts contents in place of all that the catalogue holds. When they are
// not valid, it says why and keeps what it has.
func (c *Catalog) Replace(contents Contents) error {
	if err := contents.validate(); err != nil {
		return fmt.Errorf("catalogue %q: %w", contents.Version, err)
	}
	c.current.Store(newShelves(contents))
	return nil
}

// Ready reports whether the catalogue has books.
func (c *Catalog) Ready() bool { return len(c.current.Load().books) > 0 }

// Version returns the version of the contents, "" before there are any.
func (c *Catalog) Version() string { return c.current.Load().version }

// Book returns the book with the id, or ErrBookNotFound.
func (c *Catalog) Book(id int64) (Book, error) {
	s := c.current.Load()
	rank, ok := s.byID[id]
	if !ok {
		return Book{}, fmt.Errorf("book %d: %w", id, ErrBookNotFound)
	}
	return s.books[rank], nil
}

// Categories returns the categories that have books, by name.
func (c *Catalog) Categories() []Category { return slices.Clone(c.current.Load().categories) }

// HasCategory reports whether any book is of the category.
func (c *Catalog) HasCategory(slug string) bool {
	_, ok := c.current.Load().byCategory[slug]
	return ok
}

// Samples returns the readers that a visitor may look at the shop as.
func (c *Catalog) Samples() []SampleReader { return slices.Clone(c.current.Load().samples) }

// ReadOnly reports whether what readers do is not remembered.
func (c *Catalog) ReadOnly() bool { return c.current.Load().readOnly }

// Bestsellers returns the n books that most readers like, of one category or of
// all when it is "".
func (c *Catalog) Bestsellers(category string, n int) []Book {
	return c.List(Query{Category: category, Limit: n}).Books
}

// shelves is one version of the catalogue, never changed once built. A book's
// rank is its place in books.
type shelves struct {
	version    string
	books      []Book // most popular first, then by id
	byID       map[int64]int32
	byCategory map[string][]int32 // ranks, in order
	categories []Category
	samples    []SampleReader
	readOnly   bool
	index      *index
}

func newShelves(contents Contents) *shelves {
	s := &shelves{
		version:    contents.Version,
		books:      slices.Clone(contents.Books),
		byID:       make(map[int64]int32, len(contents.Books)),
		byCategory: map[string][]int32{},
		samples:    slices.Clone(contents.Samples),
		readOnly:   contents.ReadOnly,
	}
	slices.SortFunc(s.books, byPopularity)
	for i := range s.books {
		b := &s.books[i]
		b.Categories = slices.Clone(b.Categories) // the caller may go on to use its own
		s.byID[b.ID] = int32(i)
		for _, slug := range b.Categories {
			s.byCategory[slug] = append(s.byCategory[slug], int32(i))
		}
	}
	s.categories = newCategories(s.byCategory)
	s.index = newIndex(s.books)
	return s
}
