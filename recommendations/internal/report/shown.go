package report

import (
	"context"
	"errors"
	"fmt"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/recommender"
)

// Shown is what the active model puts on the shelves of the readers who like a book.
type Shown struct {
	Readers     int // whose shelves were made
	Of          int // readers who like a book
	PerShelf    int
	Books       int     // different books on these shelves
	Bestsellers float64 // share of the places that books of Top have
	Top         int     // how many of the most liked books count as bestsellers
}

const (
	shelfSize   = 12   // the first books of the front page
	mostShelves = 2000 // shelves to make; with more readers, every n-th gets one
	topBooks    = 100
)

// bestsellers returns the ids of the books that most readers like.
func bestsellers(sorted []Book) map[int64]bool {
	top := map[int64]bool{}
	for _, b := range sorted[:min(topBooks, len(sorted))] {
		if b.Liked > 0 {
			top[b.ID] = true
		}
	}
	return top
}

// shown makes shelves from the active model. It returns nil where no replica could: a model
// of another catalogue.
func shown(ctx context.Context, from Source, version string, catalog domain.Catalog, readers []domain.Reader, top map[int64]bool) (*Shown, error) {
	if len(readers) == 0 {
		return nil, nil
	}
	stored, err := from.Model(ctx, version)
	if err != nil {
		return nil, err
	}
	model, err := models.Decode(stored.Artefact)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", version, err)
	}
	weights, err := model.For(catalog.Books)
	if errors.Is(err, models.ErrForeign) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", version, err)
	}
	rec := recommender.New()
	if err := rec.Serve(catalog, weights); err != nil {
		return nil, err
	}
	step := (len(readers) + mostShelves - 1) / mostShelves
	s := &Shown{Of: len(readers), PerShelf: shelfSize, Top: len(top)}
	books := map[int64]bool{}
	places, best := 0, 0
	for i := 0; i < len(readers); i += step {
		rec.Replace(readers[i : i+1])
		shelf, err := rec.Recommend(readers[i].ID, "", shelfSize, recommender.Buyable)
		if err != nil {
			return nil, err
		}
		s.Readers++
		for _, item := range shelf.Items {
			places++
			books[item.Book.ID] = true
			if top[item.Book.ID] {
				best++
			}
		}
	}
	s.Books = len(books)
	s.Bestsellers = share(best, places)
	return s, nil
}
