// Package recommender answers readers' questions from one consistent set of
// books, histories and model. It joins package library, which knows books by
// id, with package engine, which knows numbers.
//
// It must not import gRPC, HTTP, metrics or tracing.
package recommender

import (
	"fmt"
	"slices"
	"sync/atomic"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/library"
)

// Shelf is an answer: books, best first.
type Shelf struct {
	Items          []Item
	Personal       bool   // made from the reader's own history
	CatalogVersion string // that all of it came from
}

// Item is one book of a shelf. The books are shared; do not change them.
type Item struct {
	Book    *library.Book
	Score   float64       // higher is better, within one shelf only
	Because *library.Book // of the history, the largest part of the score; nil for popularity alone
}

// Recommender answers from the library it last loaded. It is safe for
// concurrent use; Load swaps everything at once, under running questions.
type Recommender struct {
	current atomic.Pointer[state]
}

// state is everything that one answer is made from. It never changes.
type state struct {
	library    *library.Library
	ranker     *engine.Ranker
	index      map[int64]int32 // of a book id in library.Books and in the ranker
	categories []string        // sorted; the ranker knows them by index
	histories  map[int64]history
}

// history is what one reader has, as the ranker knows books.
type history struct {
	liked []int32 // ascending
	other []int32 // the reader has these too, but does not like them
}

// New returns a recommender without a library: it answers ErrNotReady.
func New() *Recommender { return &Recommender{} }

// Load trains a model from lib on up to workers goroutines, checks it, and
// answers from it from then on. On an error everything stays as it was.
func (r *Recommender) Load(lib *library.Library, workers int) error {
	s := &state{
		library:   lib,
		index:     make(map[int64]int32, len(lib.Books)),
		histories: map[int64]history{},
	}
	for i, b := range lib.Books {
		s.index[b.ID] = int32(i)
	}
	if err := s.readHistories(); err != nil {
		return err
	}
	data := engine.Dataset{Items: len(lib.Books)}
	for _, h := range s.histories {
		data.Readers = append(data.Readers, h.liked)
	}
	model, err := engine.Train(data, engine.DefaultParams(), workers)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := s.rank(model); err != nil {
		return fmt.Errorf("rank: %w", err)
	}
	r.current.Store(s)
	return nil
}

// readHistories sorts the ratings by reader. The last rating of a book counts.
func (s *state) readHistories() error {
	stars := map[int64]map[int32]int{}
	for _, rating := range s.library.Ratings {
		i, ok := s.index[rating.BookID]
		if !ok {
			return fmt.Errorf("rating of reader %d: book %d: %w", rating.UserID, rating.BookID, library.ErrBookNotFound)
		}
		if stars[rating.UserID] == nil {
			stars[rating.UserID] = map[int32]int{}
		}
		stars[rating.UserID][i] = rating.Stars
	}
	for reader, rated := range stars {
		var h history
		for i, n := range rated {
			if n >= library.PositiveRating {
				h.liked = append(h.liked, i)
			} else {
				h.other = append(h.other, i)
			}
		}
		slices.Sort(h.liked)
		slices.Sort(h.other)
		s.histories[reader] = h
	}
	return nil
}

func (s *state) rank(model engine.Model) error {
	for _, b := range s.library.Books {
		s.categories = append(s.categories, b.Categories...)
	}
	slices.Sort(s.categories)
	s.categories = slices.Compact(s.categories)

	config := engine.Config{Model: model, Prior: engine.DefaultPrior()}
	for _, b := range s.library.Books {
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
		return nil, library.ErrNotReady
	}
	return s, nil
}

// Library returns what answers are made from at present, or ErrNotReady.
func (r *Recommender) Library() (*library.Library, error) {
	s, err := r.state()
	if err != nil {
		return nil, err
	}
	return s.library, nil
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
			return Shelf{}, fmt.Errorf("%q: %w", category, library.ErrCategoryNotFound)
		}
	}
	n = min(n, len(s.library.Books))
	h := s.histories[userID]
	scored := s.ranker.Recommend(make([]engine.Scored, 0, max(n, 0)), engine.Query{
		History: h.liked, Exclude: h.other, Category: number, K: n,
	})
	return s.shelf(scored, len(h.liked) > 0), nil
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
		return Shelf{}, fmt.Errorf("%d: %w", bookID, library.ErrBookNotFound)
	}
	n = min(n, len(s.library.Books))
	return s.shelf(s.ranker.Similar(make([]engine.Scored, 0, max(n, 0)), i, n), false), nil
}

// shelf puts books in place of numbers.
func (s *state) shelf(scored []engine.Scored, personal bool) Shelf {
	shelf := Shelf{Items: make([]Item, len(scored)), Personal: personal, CatalogVersion: s.library.Version}
	for i, sc := range scored {
		shelf.Items[i] = Item{Book: &s.library.Books[sc.Item], Score: sc.Score}
		if sc.Because != engine.NoReason {
			shelf.Items[i].Because = &s.library.Books[sc.Because]
		}
	}
	return shelf
}
