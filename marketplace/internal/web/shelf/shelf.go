// Package shelf has what the pages and the API share about shelves: why a book is
// on one, in words, and how many were shown.
package shelf

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/marketplace/internal/recommend"
)

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

// Count counts an answer of recommendations that is going to be shown.
func (c Counter) Count(s recommend.Shelf, err error) (recommend.Shelf, error) {
	if err != nil {
		return recommend.Shelf{}, fmt.Errorf("shelf: %w", err)
	}
	c.shown.WithLabelValues(string(s.Source)).Inc()
	return s, nil
}

// Reason says why a book is on a reader's shelf.
func Reason(s recommend.Shelf, item recommend.Item) string {
	switch {
	case s.Source == recommend.Fallback:
		return "Bestseller"
	case item.BecauseTitle != "":
		return "Because you like " + item.BecauseTitle
	default:
		return "Popular with readers"
	}
}

// SimilarReason returns the Reason for the books that are similar to the one with
// the title.
func SimilarReason(title string) func(recommend.Shelf, recommend.Item) string {
	return func(s recommend.Shelf, _ recommend.Item) string {
		if s.Source == recommend.Fallback {
			return "Bestseller"
		}
		return "Readers of " + title + " also like it"
	}
}
