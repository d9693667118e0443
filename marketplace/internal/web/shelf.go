package web

import (
	"context"
	"fmt"

	"bookstall/marketplace/internal/recommend"
)

// shelf asks for a reader's shelf, and counts what it was made from.
func (s *shop) shelf(ctx context.Context, q recommend.Query) (recommend.Shelf, error) {
	return s.counted(s.Recommender.Shelf(ctx, q))
}

// similar asks for what readers of a book also like.
func (s *shop) similar(ctx context.Context, bookID int64, most int) (recommend.Shelf, error) {
	return s.counted(s.Recommender.Similar(ctx, bookID, most))
}

// counted counts a shelf by what it was made from.
func (s *shop) counted(shelf recommend.Shelf, err error) (recommend.Shelf, error) {
	if err != nil {
		return recommend.Shelf{}, fmt.Errorf("shelf: %w", err)
	}
	s.metrics.shelves.WithLabelValues(string(shelf.Source)).Inc()
	return shelf, nil
}

// reason says in words why a book is on a reader's shelf.
func reason(shelf recommend.Shelf, item recommend.Item) string {
	switch {
	case shelf.Source == recommend.Fallback:
		return "Bestseller"
	case item.BecauseTitle != "":
		return "Because you like " + item.BecauseTitle
	default:
		return "Popular with readers"
	}
}

// similarReason does the same for what goes with a book.
func similarReason(title string) func(recommend.Shelf, recommend.Item) string {
	return func(shelf recommend.Shelf, _ recommend.Item) string {
		if shelf.Source == recommend.Fallback {
			return "Bestseller"
		}
		return "Readers of " + title + " also like it"
	}
}

// noReason is for a page whose heading says it for all books.
func noReason(recommend.Shelf, recommend.Item) string { return "" }
