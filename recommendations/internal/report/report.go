// Package report sums up a store for the owner of the shop: what readers did week by week,
// which books they like and buy, which nobody has, what the active model shows, and how good
// the models were.
package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// Report is the sum of a store.
type Report struct {
	At      time.Time // when it was made
	Since   time.Time // the first day of the first week
	Readers int       // readers with a book in their history
	Weeks   []Week    // the oldest first; the last is the present one
	Books   []Book    // all books, those that most readers like first
	Shown   *Shown    // nil if no model is active, or no reader likes a book
	Models  []Model   // the oldest first
}

// Week is what readers did in one week. It begins on Monday, 00:00 UTC.
type Week struct {
	Monday    time.Time
	Readers   int // who did anything
	New       int // of them, those who had done nothing before
	Views     int
	Likes     int
	Ratings   int
	Purchases int
}

// Book is a book and what readers made of it.
type Book struct {
	domain.Book
	Readers int // who have it in their history
	Liked   int // readers who like it: by a like, a purchase, or 4 stars and more
	Bought  int // readers who bought it
	// The same in the weeks of the report: readers who did so then.
	LikedLately, BoughtLately int
}

// Model is one model of the store.
type Model struct {
	Version string
	Made    time.Time
	Readers int
	NDCG100 float64 // on held-out readers; 0 if nobody measured
	Active  bool
	Aside   string // why it was not activated; "" if it was
}

// Source is a store to report on.
type Source interface {
	Catalog(ctx context.Context) (domain.Catalog, error)
	Histories(ctx context.Context, after store.Position, yield func(domain.Reader) error) (store.Position, error)
	Interactions(ctx context.Context, yield func(domain.Interaction) error) error
	Models(ctx context.Context) ([]store.ModelInfo, error)
	Model(ctx context.Context, version string) (domain.StoredModel, error)
}

// Make sums up a store, with the weeks up to the one of now.
func Make(ctx context.Context, from Source, weeks int, now time.Time) (*Report, error) {
	r := &Report{At: now.UTC(), Since: monday(now).AddDate(0, 0, -7*(weeks-1))}
	for i := range weeks {
		r.Weeks = append(r.Weeks, Week{Monday: r.Since.AddDate(0, 0, 7*i)})
	}
	catalog, err := from.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	index := make(map[int64]int, len(catalog.Books))
	for i, b := range catalog.Books {
		index[b.ID] = i
		r.Books = append(r.Books, Book{Book: b})
	}
	if err := r.countInteractions(ctx, from, index); err != nil {
		return nil, err
	}
	readers, err := r.countHistories(ctx, from, index)
	if err != nil {
		return nil, err
	}
	r.Books = slices.DeleteFunc(r.Books, func(b Book) bool { return b.Gone && b.Readers == 0 })
	if err := r.listModels(ctx, from); err != nil {
		return nil, err
	}
	slices.SortStableFunc(r.Books, func(a, b Book) int {
		return cmp.Or(cmp.Compare(b.Liked, a.Liked), cmp.Compare(b.Bought, a.Bought), cmp.Compare(a.ID, b.ID))
	})
	for _, m := range r.Models {
		if m.Active {
			if r.Shown, err = shown(ctx, from, m.Version, catalog, readers, bestsellers(r.Books)); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// monday returns the first moment of the week, in UTC.
func monday(t time.Time) time.Time {
	t = t.UTC()
	since := (int(t.Weekday()) + 6) % 7 // days since Monday
	return time.Date(t.Year(), t.Month(), t.Day()-since, 0, 0, 0, 0, time.UTC)
}

// countInteractions fills the weeks, and what readers did with each book in them.
func (r *Report) countInteractions(ctx context.Context, from Source, index map[int64]int) error {
	type deed struct {
		reader int64
		book   int
		bought bool
	}
	known := map[int64]bool{} // readers who did something up to here
	active := make([]map[int64]bool, len(r.Weeks))
	for i := range active {
		active[i] = map[int64]bool{}
	}
	lately := map[deed]bool{}
	err := from.Interactions(ctx, func(i domain.Interaction) error {
		first := !known[i.UserID]
		known[i.UserID] = true
		week := int(i.At.Sub(r.Since) / (7 * 24 * time.Hour))
		if i.At.Before(r.Since) || week >= len(r.Weeks) {
			return nil
		}
		w := &r.Weeks[week]
		active[week][i.UserID] = true
		if first {
			w.New++
		}
		var liked, bought bool
		switch i.Kind {
		case domain.View:
			w.Views++
		case domain.Like:
			w.Likes++
			liked = true
		case domain.Rate:
			w.Ratings++
			liked = i.Stars >= domain.PositiveStars
		case domain.Purchase:
			w.Purchases++
			liked, bought = true, true
		default: // taken back: the histories tell
		}
		at, ok := index[i.BookID]
		if !ok {
			return nil
		}
		if d := (deed{i.UserID, at, false}); liked && !lately[d] {
			lately[d] = true
			r.Books[at].LikedLately++
		}
		if d := (deed{i.UserID, at, true}); bought && !lately[d] {
			lately[d] = true
			r.Books[at].BoughtLately++
		}
		return nil
	})
	for i := range r.Weeks {
		r.Weeks[i].Readers = len(active[i])
	}
	return err
}

// countHistories fills what is true of each book today, and returns the readers who like a
// book, by id.
func (r *Report) countHistories(ctx context.Context, from Source, index map[int64]int) ([]domain.Reader, error) {
	var likers []domain.Reader
	_, err := from.Histories(ctx, store.Position{}, func(reader domain.Reader) error {
		has, likes := false, false
		err := domain.EachEntry(reader.History, func(e domain.Entry) {
			at, ok := index[e.BookID]
			if !ok || !e.Present() {
				return
			}
			has = true
			b := &r.Books[at]
			b.Readers++
			if e.Positive() {
				likes = true
				b.Liked++
			}
			if e.Purchased {
				b.Bought++
			}
		})
		if err != nil {
			return fmt.Errorf("reader %d: %w", reader.ID, err)
		}
		if has {
			r.Readers++
		}
		if likes {
			likers = append(likers, reader)
		}
		return nil
	})
	slices.SortFunc(likers, func(a, b domain.Reader) int { return cmp.Compare(a.ID, b.ID) })
	return likers, err
}

func (r *Report) listModels(ctx context.Context, from Source) error {
	list, err := from.Models(ctx)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(list) {
		var meta models.Metadata
		if err := json.Unmarshal(m.Metadata, &meta); err != nil {
			return fmt.Errorf("model %s: %w", m.Version, err)
		}
		one := Model{Version: m.Version, Made: m.CreatedAt, Readers: meta.Readers, Active: m.Active, Aside: meta.Aside}
		if meta.Metrics != nil {
			one.NDCG100 = meta.Metrics.NDCG100
		}
		r.Models = append(r.Models, one)
	}
	return nil
}

// WithoutReaders returns the books that no reader has.
func (r *Report) WithoutReaders() (list []Book) {
	for _, b := range r.Books {
		if b.Readers == 0 {
			list = append(list, b)
		}
	}
	return list
}

// MostLiked returns up to n books that most readers like.
func (r *Report) MostLiked(n int) []Book {
	return r.most(n, func(b Book) int { return b.Liked })
}

// MostBought returns up to n books that most readers bought.
func (r *Report) MostBought(n int) []Book {
	return r.most(n, func(b Book) int { return b.Bought })
}

// most returns up to n books with the highest counts, without those of 0.
func (r *Report) most(n int, count func(Book) int) []Book {
	list := slices.DeleteFunc(slices.Clone(r.Books), func(b Book) bool { return count(b) == 0 })
	slices.SortStableFunc(list, func(a, b Book) int { return cmp.Compare(count(b), count(a)) })
	return list[:min(n, len(list))]
}
