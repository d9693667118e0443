// Package recommender is the core of the recommendations service: it makes shelves from
// one consistent catalogue and model and from the histories, all in memory. (The client
// that calls the service is the shop's package recommend.) It translates between the domain, which has book ids,
// and package engine, which has indexes.
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

// Shelf is a list of recommended books, best first.
type Shelf struct {
	Items          []Item
	Personal       bool   // based on the reader's history
	CatalogVersion string // version of the catalogue that has the books
	// ReaderSeq is the sequence number of the reader's history; 0 for none.
	ReaderSeq int64
	// Last is the entry of the history that changed last, and LastBook its book, which is nil
	// for an empty history.
	Last     domain.Entry
	LastBook *domain.Book
}

// Item is one book of a shelf. The books are shared; do not change them.
type Item struct {
	Book    *domain.Book
	Score   float64      // higher is better, within one shelf only
	Because *domain.Book // book of the history that adds most to the score; nil if none does

	Index, BecauseIndex int32 // positions of the two in the catalogue
}

// Recommender makes shelves. It is safe for concurrent use: catalogue and model are
// swapped atomically, while calls run.
type Recommender struct {
	current atomic.Pointer[state]
	readers *readers
	queries queries
}

// state is what a shelf is made from, without the histories. It is immutable.
type state struct {
	catalog    domain.Catalog
	shown      *engine.Ranker // of all books that are shown
	buyable    *engine.Ranker // of those that can be bought
	index      positions      // in catalog.Books and in the ranker
	categories []string       // sorted; the ranker uses the indexes
	added      []int32        // indexes of the books of which it is known when they came, the latest first
}

// New returns a recommender without a catalogue, which returns ErrNotReady.
func New() *Recommender { return &Recommender{readers: newReaders()} }

// Serve replaces the catalogue and the model. On an error, nothing changes. A catalogue without
// popularity gets that of the model, as withPopularity says.
func (r *Recommender) Serve(catalog domain.Catalog, model engine.Model) error {
	catalog = withPopularity(catalog, model)
	s := &state{catalog: catalog, index: newPositions(catalog.Books), added: byAdded(catalog.Books)}
	if err := s.rank(model); err != nil {
		return fmt.Errorf("rank: %w", err)
	}
	r.current.Store(s)
	return nil
}

// Load trains a model of a library, on up to workers goroutines, and serves both with
// the library's histories. On an error, nothing changes.
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

// Put stores the readers that are newer than those in memory, and notifies their
// followers.
func (r *Recommender) Put(list []domain.Reader) { r.readers.put(list) }

// Replace replaces all readers.
func (r *Recommender) Replace(list []domain.Reader) { r.readers.replace(list) }

// Reader returns a reader, or the zero value for an unknown one.
func (r *Recommender) Reader(userID int64) domain.Reader { return r.readers.of(userID) }

// Readers returns the number of readers.
func (r *Recommender) Readers() int { return r.readers.count() }

// All returns all readers, in no order.
func (r *Recommender) All() []domain.Reader { return r.readers.all() }

// Follow returns a channel that receives a value after a change of a reader's history;
// changes that were not received yet share one. Call end when done.
func (r *Recommender) Follow(userID int64) (changed <-chan struct{}, end func()) {
	return r.readers.follow(userID)
}

func (s *state) rank(model engine.Model) error {
	for _, b := range s.catalog.Books {
		s.categories = append(s.categories, b.Categories...)
	}
	slices.Sort(s.categories)
	s.categories = slices.Compact(s.categories)

	config := engine.Config{Model: model, Prior: engine.DefaultPrior(), Authors: models.Authors(s.catalog.Books)}
	for _, b := range s.catalog.Books {
		numbers := make([]int, len(b.Categories))
		for k, slug := range b.Categories {
			numbers[k], _ = slices.BinarySearch(s.categories, slug)
		}
		config.Categories = append(config.Categories, numbers)
		config.Popularity = append(config.Popularity, b.Popularity)
	}
	all, err := engine.NewRanker(config)
	if err != nil {
		return err
	}
	var hidden, away []int32
	for i := range s.catalog.Books {
		switch b := &s.catalog.Books[i]; {
		case !b.Shown():
			hidden = append(hidden, int32(i))
		case !b.CanBeBought():
			away = append(away, int32(i))
		}
	}
	s.shown = all.Without(hidden)
	s.buyable = s.shown.Without(away)
	return nil
}

// Selection says which books a shelf may have. Those that are not shown are never among them.
type Selection int

// The selections.
const (
	Buyable         Selection = iota // what can be bought
	WithUnavailable                  // also what cannot
)

func (s *state) ranker(of Selection) *engine.Ranker {
	if of == WithUnavailable {
		return s.shown
	}
	return s.buyable
}

func (r *Recommender) state() (*state, error) {
	s := r.current.Load()
	if s == nil {
		return nil, domain.ErrNotReady
	}
	return s, nil
}

// Catalog returns the present catalogue, or ErrNotReady.
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
	_, ok := s.index.of(id)
	return ok, nil
}

// History returns a reader's entries for books of the catalogue, latest first, and the
// sequence number of the history, or ErrNotReady.
func (r *Recommender) History(userID int64) (domain.History, int64, error) {
	s, err := r.state()
	if err != nil {
		return nil, 0, err
	}
	reader := r.readers.of(userID)
	// No entry takes less than two bytes.
	h := make(domain.History, 0, len(reader.History)/2)
	_ = domain.EachEntry(reader.History, func(e domain.Entry) { // damage: see state.query
		if _, ok := s.index.of(e.BookID); ok && e.Present() {
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

// Recommend returns the n best books for a reader, of one category, or of all if it is
// "". There are fewer only if the reader has all the others. A reader who likes
// nothing yet gets bestsellers.
//
// Errors: ErrNotReady, ErrCategoryNotFound.
func (r *Recommender) Recommend(userID int64, category string, n int, of Selection) (Shelf, error) {
	return r.RecommendVaried(userID, category, n, of, Variety{})
}

// RecommendVaried is Recommend for a shelf with variety, whose books are not in the order of
// their scores.
func (r *Recommender) RecommendVaried(userID int64, category string, n int, of Selection, v Variety) (Shelf, error) {
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
	u := r.queries.get()
	defer r.queries.put(u)
	s.query(u, reader.History)
	u.Category, u.K = number, n
	if v.Step == ByScore {
		u.scored = s.ranker(of).Rank(u.scored[:0], u.Query)
	} else {
		u.scored = s.ranker(of).RankVaried(u.scored[:0], u.Query, s.rules(v, number))
	}
	shelf := s.shelf(u.scored)
	shelf.Personal, shelf.ReaderSeq = u.likes > 0, reader.Seq
	if u.last.BookID != 0 {
		i, _ := s.index.of(u.last.BookID)
		shelf.Last, shelf.LastBook = u.last, &s.catalog.Books[i]
	}
	return shelf, nil
}

// Why returns the item of a shelf that a book would be for a reader, and the books of the
// history that add most to its score, at most n, the largest share first.
//
// Errors: ErrNotReady, ErrBookNotFound.
func (r *Recommender) Why(bookID, userID int64, n int) (shelf Shelf, reasons []*domain.Book, err error) {
	s, err := r.state()
	if err != nil {
		return Shelf{}, nil, err
	}
	i, ok := s.index.of(bookID)
	if !ok {
		return Shelf{}, nil, fmt.Errorf("%d: %w", bookID, domain.ErrBookNotFound)
	}
	reader := r.readers.of(userID)
	u := r.queries.get()
	defer r.queries.put(u)
	s.query(u, reader.History)
	for _, reason := range s.shown.Reasons(u.Query, i, n) {
		reasons = append(reasons, &s.catalog.Books[reason])
	}
	item := Item{Book: &s.catalog.Books[i]}
	if len(reasons) > 0 {
		item.Because = reasons[0]
	}
	return Shelf{Items: []Item{item}, CatalogVersion: s.catalog.Version, Personal: u.likes > 0, ReaderSeq: reader.Seq}, reasons, nil
}

// Similar returns the n books that readers of a book, which need not be of the selection,
// like most besides it, without those that a reader has dismissed.
//
// Errors: ErrNotReady, ErrBookNotFound.
func (r *Recommender) Similar(bookID, userID int64, n int, of Selection) (Shelf, error) {
	s, err := r.state()
	if err != nil {
		return Shelf{}, err
	}
	i, ok := s.index.of(bookID)
	if !ok {
		return Shelf{}, fmt.Errorf("%d: %w", bookID, domain.ErrBookNotFound)
	}
	dismissed := s.dismissed(r.readers.of(userID).History)
	n = max(0, min(n, len(s.catalog.Books)))
	more := min(n+len(dismissed), len(s.catalog.Books))
	scored := s.ranker(of).Similar(make([]engine.Scored, 0, more), i, more)
	if len(dismissed) > 0 {
		scored = slices.DeleteFunc(scored, func(sc engine.Scored) bool { return dismissed[sc.Item] })
	}
	return s.shelf(scored[:min(n, len(scored))]), nil
}

// shelf translates indexes to books.
func (s *state) shelf(scored []engine.Scored) Shelf {
	shelf := Shelf{Items: make([]Item, len(scored)), CatalogVersion: s.catalog.Version}
	for i, sc := range scored {
		shelf.Items[i] = Item{Book: &s.catalog.Books[sc.Item], Score: sc.Score, Index: sc.Item}
		if sc.Because != engine.NoReason {
			shelf.Items[i].Because, shelf.Items[i].BecauseIndex = &s.catalog.Books[sc.Because], sc.Because
		}
	}
	return shelf
}
