package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrBookNotFound means that no book has the given id.
var ErrBookNotFound = errors.New("book not found")

// Catalog holds the books of the shop. It is safe for concurrent use. Returned books
// are its own, or share memory with it, so callers must not change them.
type Catalog struct {
	current         atomic.Pointer[state]
	filled          chan struct{} // closed by fill
	fill            sync.Once
	showUnavailable bool
	newFor          time.Duration
}

// Option changes what New returns.
type Option func(*Catalog)

// WithUnavailable lets lists also have books that cannot be bought.
func WithUnavailable() Option { return func(c *Catalog) { c.showUnavailable = true } }

// WithNew marks the books as new that came in a time before the newest book. Counted from
// the present, that would be no book for most of the year in a shop that gets new ones each
// autumn, and pages would depend on when they are made. A time of 0 marks none.
func WithNew(before time.Duration) Option { return func(c *Catalog) { c.newFor = before } }

// New returns an empty catalogue, which is not ready. Without options, its lists have the books
// that can be bought, and no book is marked as new.
func New(options ...Option) *Catalog {
	c := &Catalog{filled: make(chan struct{})}
	for _, set := range options {
		set(c)
	}
	c.current.Store(c.newState(Contents{}))
	return c
}

// ShowsUnavailable reports whether lists have books that cannot be bought.
func (c *Catalog) ShowsUnavailable() bool { return c.showUnavailable }

// Replace replaces the whole catalogue. If contents are invalid, it returns an error
// and changes nothing.
func (c *Catalog) Replace(contents Contents) error {
	if err := contents.validate(); err != nil {
		return fmt.Errorf("catalogue %q: %w", contents.Version, err)
	}
	c.current.Store(c.newState(contents))
	if c.Ready() {
		c.fill.Do(func() { close(c.filled) })
	}
	return nil
}

// Ready reports whether the catalogue has books.
func (c *Catalog) Ready() bool { return len(c.current.Load().books) > 0 }

// Filled returns a channel that is closed when the catalogue has books for the first time.
func (c *Catalog) Filled() <-chan struct{} { return c.filled }

// Version returns the version of the contents, or "" while there are none.
func (c *Catalog) Version() string { return c.current.Load().version }

// Book returns the book with the id, or ErrBookNotFound.
func (c *Catalog) Book(id int64) (Book, error) {
	b := c.Find(id)
	if b == nil {
		return Book{}, fmt.Errorf("book %d: %w", id, ErrBookNotFound)
	}
	return *b, nil
}

// Find returns the book with the id, nil if there is none. Unlike the copy that Book returns, it
// keeps the whole version of the catalogue in memory.
func (c *Catalog) Find(id int64) *Book {
	s := c.current.Load()
	rank, ok := s.byID[id]
	if !ok {
		return nil
	}
	return &s.books[rank]
}

// ID returns the id of the book with an external id, or ErrBookNotFound.
func (c *Catalog) ID(external string) (int64, error) {
	id, ok := c.current.Load().byExternal[external]
	if !ok {
		return 0, fmt.Errorf("book %.40q: %w", external, ErrBookNotFound)
	}
	return id, nil
}

// HasExternalIDs reports whether any book has an external id.
func (c *Catalog) HasExternalIDs() bool { return len(c.current.Load().byExternal) > 0 }

// NewSince returns since when books have been new, the zero time if none is marked as new.
func (c *Catalog) NewSince() time.Time { return c.current.Load().newSince }

// IsNew reports whether a book is marked as new.
func (c *Catalog) IsNew(id int64) bool {
	s := c.current.Load()
	rank, ok := s.byID[id]
	return ok && s.books[rank].New
}

// Unlisted reports whether the catalogue has a book that its lists leave out: a hidden one,
// or one that cannot be bought.
func (c *Catalog) Unlisted(id int64) bool {
	s := c.current.Load()
	rank, ok := s.byID[id]
	return ok && int(rank) >= s.listed
}

// Categories returns the categories that list books, sorted by name.
func (c *Catalog) Categories() []Category { return c.current.Load().categories }

// Largest returns the categories that list books, those with the most books first.
func (c *Catalog) Largest() []Category { return c.current.Load().largest }

// HasCategory reports whether any book is in the category.
func (c *Catalog) HasCategory(slug string) bool {
	_, ok := c.current.Load().byCategory[slug]
	return ok
}

// Samples returns the sample readers.
func (c *Catalog) Samples() []SampleReader { return c.current.Load().samples }

// Sample returns the sample reader with an id; ok is false if there is none.
func (c *Catalog) Sample(id int64) (s SampleReader, ok bool) {
	samples := c.current.Load().samples
	i := slices.IndexFunc(samples, func(s SampleReader) bool { return s.ID == id })
	if i < 0 {
		return SampleReader{}, false
	}
	return samples[i], true
}

// ReadOnly reports whether recommendations records no interactions.
func (c *Catalog) ReadOnly() bool { return c.current.Load().readOnly }

// Bestsellers returns the n most popular books of a category, or of all if it is "".
func (c *Catalog) Bestsellers(category string, n int) []*Book {
	return c.List(Query{Category: category, Limit: n}).Books
}

// state is one version of the catalogue. It does not change once built. A book's rank
// is its position in books.
type state struct {
	version    string
	books      []Book  // those that lists have, most popular first, then by id; then the others
	listed     int     // number of books that lists have
	all        []int32 // ranks of those books, ascending
	byID       map[int64]int32
	byCategory map[string][]int32 // ranks of the books that lists have, ascending; none for a category that only others have
	byExternal map[string]int64   // ids by external id
	authors    names
	series     names
	sorted     map[Sort][]int32
	facets     Facets
	categories []Category // by name
	largest    []Category // by number of books, then by name
	samples    []SampleReader
	readOnly   bool
	newSince   time.Time // zero for no new books
	index      *index
	matcher    func() *matcher // made when it is needed first
}

func (c *Catalog) newState(contents Contents) *state {
	s := &state{
		version:    contents.Version,
		books:      slices.Clone(contents.Books),
		byID:       make(map[int64]int32, len(contents.Books)),
		byCategory: map[string][]int32{},
		byExternal: map[string]int64{},
		samples:    slices.Clone(contents.Samples),
		readOnly:   contents.ReadOnly,
	}
	lists := func(b *Book) bool { return !b.Hidden && (c.showUnavailable || b.CanBeBought()) }
	slices.SortFunc(s.books, func(a, b Book) int {
		if one := lists(&a); one != lists(&b) {
			if one {
				return -1
			}
			return 1
		}
		return byPopularity(a, b)
	})
	newest := newest(s.books)
	if c.newFor > 0 && !newest.IsZero() {
		s.newSince = newest.Add(-c.newFor)
	}
	for i := range s.books {
		b := &s.books[i]
		b.New = !s.newSince.IsZero() && !b.Added.IsZero() && !b.Added.Before(s.newSince)
		b.Categories = slices.Clone(b.Categories) // the caller may change its own
		s.byID[b.ID] = int32(i)
		if b.ExternalID != "" {
			s.byExternal[b.ExternalID] = b.ID
		}
		if !lists(b) {
			for _, slug := range b.Categories {
				if _, known := s.byCategory[slug]; !known {
					s.byCategory[slug] = nil
				}
			}
			continue
		}
		s.listed = i + 1
		s.all = append(s.all, int32(i))
		for _, slug := range b.Categories {
			s.byCategory[slug] = append(s.byCategory[slug], int32(i))
		}
	}
	s.categories = newCategories(s.byCategory)
	s.largest = slices.Clone(s.categories)
	slices.SortStableFunc(s.largest, func(a, b Category) int { return cmp.Compare(b.Count, a.Count) })
	listed := s.books[:s.listed]
	s.index = newIndex(listed)
	s.facets = newFacets(listed)
	s.authors, s.series = newNames(s.books, s.listed, makers), newNames(s.books, s.listed, seriesOf)
	for _, one := range s.series.byKey {
		s.sortSeries(one.ranks)
	}
	s.sorted = s.sortings()
	s.matcher = sync.OnceValue(func() *matcher { return newMatcher(s.books) })
	return s
}

// newest returns when the newest of some books came, zero if that is not known of any.
func newest(books []Book) (last time.Time) {
	for _, b := range books {
		if b.Added.After(last) {
			last = b.Added
		}
	}
	return last
}
