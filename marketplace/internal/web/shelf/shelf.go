// Package shelf is shared by the pages, the API and the live shelf: it has the interface
// to recommendations, the reason why a book is on a shelf, and the count of shelves shown.
package shelf

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// Recommender makes shelves and remembers what readers do. When it cannot make a
// shelf, it answers with bestsellers: the source is recommend.Fallback, and Cause says
// why. Everything else fails with recommend.ErrUnavailable or recommend.ErrReadOnly,
// Record also with recommend.ErrConflict, catalog.ErrBookNotFound or a
// *recommend.FieldError, and for a generation that has ended, all but Shelf and Forget with
// recommend.ErrForgotten. Any other error is a bug.
type Recommender interface {
	Shelf(ctx context.Context, q recommend.Query) recommend.Shelf
	// Why returns the books that put one on a reader's shelf.
	Why(ctx context.Context, bookID int64, q recommend.Query) ([]recommend.Reason, error)
	Similar(ctx context.Context, book catalog.Book, q recommend.Query) recommend.Shelf
	History(ctx context.Context, q recommend.HistoryQuery) (recommend.History, error)
	Record(ctx context.Context, i recommend.Interaction) (recommend.Recorded, error)
	// RecordAll stores many interactions of one reader. After an error a part may be stored.
	RecordAll(ctx context.Context, list []recommend.Interaction) (recommend.Batch, error)
	Forget(ctx context.Context, userID, generation int64) (version int64, err error)
	// Reader returns the number of a reader whose id is a text, 0 if nobody has it.
	Reader(ctx context.Context, externalID string, add bool) (int64, error)
	// Follow returns at once. It calls show with a reader's shelf at each change, until ctx
	// ends or show fails, and then ended, after which the caller must end ctx.
	Follow(ctx context.Context, q recommend.FollowQuery, show func(recommend.Change) error, ended func(error))
}

// Counter counts the shelves shown, by source.
type Counter struct{ shown *prometheus.CounterVec }

// NewCounter registers the metric.
func NewCounter(reg prometheus.Registerer) Counter {
	c := Counter{promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "web_shelves_total",
		Help: "Shelves shown, by source: personal, popular, similar or fallback.",
	}, []string{"source"})}
	for _, source := range []recommend.Source{recommend.Personal, recommend.Popular, recommend.Similar, recommend.Fallback} {
		c.shown.WithLabelValues(string(source))
	}
	return c
}

// Count counts a shelf that is shown, and returns it.
func (c Counter) Count(s recommend.Shelf) recommend.Shelf {
	c.shown.WithLabelValues(string(s.Source)).Inc()
	return s
}

// Reason says why a book is on a reader's shelf.
func Reason(s recommend.Shelf, item recommend.Item) string {
	switch {
	case s.Source == recommend.Fallback:
		return "Bestseller"
	case item.BecauseTitle != "":
		return "Because you like " + item.BecauseTitle
	case item.New:
		return "New in the shop"
	default:
		return "Popular with readers"
	}
}
