// Package recommender answers readers' questions from one consistent catalogue
// and model and from the histories in memory. It joins package library, which
// knows books by id, with package engine, which knows numbers.
//
// Where all of that comes from is not its business: it must not import a store,
// gRPC, HTTP, metrics or tracing.
package recommender

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
)

// Shelf is an answer: books, best first.
type Shelf struct {
	Items          []Item
	Personal       bool   // made from the reader's own history
	CatalogVersion string // that all of it came from
	// ReaderSeq is the sequence number of the history that counted; 0 for none.
	ReaderSeq int64
	// Last is what changed last in the history, and LastBook its book; nil for an
	// empty history.
	Last     *domain.Entry
	LastBook *domain.Book
}

// Item is one book of a shelf. The books are shared; do not change them.
type Item struct {
	Book    *domain.Book
	Score   float64      // higher is better, within one shelf only
	Because *domain.Book // of the history, the largest part of the score; nil for popularity alone
}

// Recommender answers from what it was last given. It is safe for concurrent
// use: catalogue and model are swapped at once, under running questions.
type Recommender struct {
	current atomic.Pointer[state]
	readers *readers
}

// state is everything but the histories that one answer is made from. It never
// changes.
type state struct {
	catalog    domain.Catalog
	ranker     *engine.Ranker
	index      map[int64]int32 // of a book id in catalog.Books and in the ranker
	categories []string        // sorted; the ranker knows them by index
}

// New returns a recommender without a catalogue: it answers ErrNotReady.
func New() *Recommender { return &Recommender{readers: newReaders()} }

// Serve answers from a catalogue and a model of its books from then on. On an
// error everything stays as it was.
func (r *Recommender) Serve(catalog domain.Catalog, model engine.Model) error {
	s := &state{catalog: catalog, index: make(map[int64]int32, len(catalog.Books))}
	for i, b := range catalog.Books {
		s.index[b.ID] = int32(i)
	}
	if err := s.rank(model); err != nil {
		return fmt.Errorf("rank: %w", err)
	}
	r.current.Store(s)
	return nil
}

// Load trains a model of a library on up to workers goroutines and answers from
// both from then on. On an error everything stays as it was.
func (r *Recommender) Load(lib *domain.Library, workers int) error {
	var list []domain.Reader
	for id, h := range lib.Histories() {
		list = append(list, domain.Reader{ID: id, Seq: 1, History: h.Encode()})
	}
	model, err := models.Train(context.Background(), models.Input{
		Catalog: lib.Catalog, Readers: slices.Values(list), Params: engine.DefaultParams(), Workers: workers,
	})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := r.Serve(lib.Catalog, model.Weights); err != nil {
		return err
	}
	r.Replace(list)
	return nil
}

// Put takes histories that are newer than those it has, and tells who follows
// them.
func (r *Recommender) Put(list []domain.Reader) { r.readers.put(list) }

// Replace takes the histories in place of all that it has.
func (r *Recommender) Replace(list []domain.Reader) { r.readers.replace(list) }

// Reader returns what is known of one reader; its zero value for nothing.
func (r *Recommender) Reader(userID int64) domain.Reader { return r.readers.of(userID) }

// Readers is how many readers are known.
func (r *Recommender) Readers() int { return r.readers.count() }

// All returns all readers, in no order.
func (r *Recommender) All() []domain.Reader { return r.readers.all() }

// Follow returns a channel that gets a value after each change of a reader's
// history, one for several if they are not taken. Call end when done.
func (r *Recommender) Follow(userID int64) (changed <-chan struct{}, end func()) {
	return r.readers.follow(userID)
}

func (s *state) rank(model engine.Model) error {
	for _, b := range s.catalog.Books {
		s.categories = append(s.categories, b.Categories...)
	}
	slices.Sort(s.categories)
	s.categories = slices.Compact(s.categories)

	config := engine.Config{Model: model, Prior: engine.DefaultPrior()}
	for _, b := range s.catalog.Books {
		numbers := make([]int, len(b.Categories))
		for k, slug := range b.Categories {
			numbers[k], _ = slices.BinarySearch(s.categories, slug)
		}
		config.Categories = append(config.Categories, numbers)
		config.Popularity = append(config.Popularity, b.Popularity)
	}
	var err error
	s.ranker, err = engine.NewRanker(config)
	return err
}

func (r *Recommender) state() (*state, error) {
	s := r.current.Load()
	if s == nil {
		return nil, domain.ErrNotReady
	}
	return s, nil
}

// Catalog returns what answers are made from at present, or ErrNotReady.
func (r *Recommender) Catalog() (domain.Catalog, error) {
	s, err := r.state()
	if err != nil {
		return domain.Catalog{}, err
	}
	return s.catalog, nil
}

// HasBook reports whether the catalogue has a book, or ErrNotReady.
func (r *Recommender) HasBook(id int64) (bool, error) {
	s, err := r.state()
	if err != nil {
		return false, err
	}
	_, ok := s.index[id]
	return ok, nil
}

// History returns what a reader has to do with books of the catalogue, the
// latest first, and its sequence number, or ErrNotReady.
func (r *Recommender) History(userID int64) (domain.History, int64, error) {
	s, err := r.state()
	if err != nil {
		return nil, 0, err
	}
	reader := r.readers.of(userID)
	var h domain.History
	_ = domain.EachEntry(reader.History, func(e domain.Entry) { // as in state.query
		if _, ok := s.index[e.BookID]; ok && e.Present() {
			h = append(h, e)
		}
	})
	slices.Reverse(h)
	return h, reader.Seq, nil
}

// Categories returns the slugs of all categories, sorted, or ErrNotReady.
func (r *Recommender) Categories() ([]string, error) {
	s, err := r.state()
	if err != nil {
		return nil, err
	}
	return s.categories, nil
}

// Recommend returns the n best books for a reader, of one category or of all
// when it is ""; fewer only where the catalogue has no more that the reader does
// not have. A reader who likes nothing yet gets the bestsellers.
//
// Errors: ErrNotReady, ErrCategoryNotFound.
func (r *Recommender) Recommend(userID int64, category string, n int) (Shelf, error) {
	s, err := r.state()
	if err != nil {
		return Shelf{}, err
	}
	number := engine.AnyCategory
	if category != "" {
		var found bool
		if number, found = slices.BinarySearch(s.categories, category); !found {
			return Shelf{}, fmt.Errorf("%q: %w", category, domain.ErrCategoryNotFound)
		}
	}
	n = min(n, len(s.catalog.Books))
	reader := r.readers.of(userID)
	q, likes, last := s.query(reader.History)
	q.Category, q.K = number, n
	scored := s.ranker.Rank(make([]engine.Scored, 0, max(n, 0)), q)
	shelf := s.shelf(scored)
	shelf.Personal, shelf.ReaderSeq = likes > 0, reader.Seq
	if last != nil {
		shelf.Last, shelf.LastBook = last, &s.catalog.Books[s.index[last.BookID]]
	}
	return shelf, nil
}

// Similar returns the n books that readers of one book like most besides it.
//
// Errors: ErrNotReady, ErrBookNotFound.
func (r *Recommender) Similar(bookID int64, n int) (Shelf, error) {
	s, err := r.state()
	if err != nil {
		return Shelf{}, err
	}
	i, ok := s.index[bookID]
	if !ok {
		return Shelf{}, fmt.Errorf("%d: %w", bookID, domain.ErrBookNotFound)
	}
	n = min(n, len(s.catalog.Books))
	return s.shelf(s.ranker.Similar(make([]engine.Scored, 0, max(n, 0)), i, n)), nil
}

// shelf puts books in place of numbers.
func (s *state) shelf(scored []engine.Scored) Shelf {
	shelf := Shelf{Items: make([]Item, len(scored)), CatalogVersion: s.catalog.Version}
	for i, sc := range scored {
		shelf.Items[i] = Item{Book: &s.catalog.Books[sc.Item], Score: sc.Score}
		if sc.Because != engine.NoReason {
			shelf.Items[i].Because = &s.catalog.Books[sc.Because]
		}
	}
	return shelf
}
