package api

import (
	"errors"
	"math"
	"net/http"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
	"bookstall/marketplace/internal/web/shelf"
)

// Recommendation is a book on a shelf.
type Recommendation struct {
	ID         int64    `json:"id"`
	ExternalID string   `json:"external_id,omitempty"`
	Title      string   `json:"title"`
	Author     string   `json:"author"`
	Categories []string `json:"categories"`
	Score      float64  `json:"score"`
	Reason     string   `json:"reason"`
}

// Shelf is a shelf as the API shows it.
type Shelf struct {
	Recommendations []Recommendation `json:"recommendations"`
	Source          recommend.Source `json:"source"`
	ServedBy        string           `json:"served_by"`
}

// Recommendations is GET /api/v1/recommendations.
func (a *API) Recommendations(w http.ResponseWriter, r *http.Request) error {
	q := request.NewQuery(r, "user_id", "user_external_id", "category", "max_results", "min_version", "variety")
	var query recommend.Query
	external := q.Value("user_external_id")
	switch {
	case external == "":
		query.UserID = q.ID("user_id", q.Value("user_id"))
	case q.Value("user_id") != "":
		q.Fault("user_external_id", "is given together with user_id")
	}
	query.Category, query.MaxResults, query.MinVersion = q.Category(a.cfg.Catalog), q.MaxResults(), q.MinVersion()
	if step := q.OneOf("variety", "none", string(recommend.Close), string(recommend.Balanced), string(recommend.Far)); step != "none" {
		query.Variety = recommend.Variety(step)
	}
	if err := q.Err(); err != nil {
		return err
	}
	if external != "" {
		var err error
		if query.UserID, err = a.readerOf(r, "user_external_id", external, false); err != nil {
			return problem.Unavailable(problem.ErrNoHistory, err)
		}
	}
	if err := checkReader(r, query.UserID); err != nil {
		return err
	}
	return a.sendShelf(w, a.cfg.Recommender.Shelf(r.Context(), query), shelf.Reason)
}

// Similar is GET /api/v1/books/{id}/similar.
func (a *API) Similar(w http.ResponseWriter, r *http.Request) error {
	q := request.NewQuery(r, "max_results", "user_id", "min_version")
	query := recommend.Query{MaxResults: q.MaxResults(), MinVersion: q.MinVersion()}
	reader := q.Value("user_id")
	if reader != "" {
		query.UserID = q.ID("user_id", reader)
	}
	b, err := a.book(q, r.PathValue("id"))
	if wrong := q.Err(); wrong != nil {
		return wrong
	}
	if reader != "" {
		if err := checkReader(r, query.UserID); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	reason := func(s recommend.Shelf, item recommend.Item) string {
		if s.Source == recommend.Fallback {
			return shelf.Reason(s, item)
		}
		return "Readers of " + b.Title + " also like it"
	}
	return a.sendShelf(w, a.cfg.Recommender.Similar(r.Context(), b, query), reason)
}

// sendShelf answers with a shelf. Instead of a fallback because replicas are
// overloaded, a program gets the error: it can, and should, come back later. Readers are
// better off with bestsellers.
func (a *API) sendShelf(w http.ResponseWriter, s recommend.Shelf, reason func(recommend.Shelf, recommend.Item) string) error {
	if errors.Is(s.Cause, recommend.ErrOverloaded) {
		return s.Cause
	}
	return reply.JSON(w, http.StatusOK, a.newShelf(a.cfg.Shelves.Count(s), reason))
}

func (a *API) newShelf(s recommend.Shelf, reason func(recommend.Shelf, recommend.Item) string) Shelf {
	list := Shelf{Recommendations: make([]Recommendation, 0, len(s.Items)), Source: s.Source, ServedBy: s.ServedBy}
	for _, item := range s.Items {
		if math.IsNaN(item.Score) || math.IsInf(item.Score, 0) {
			item.Score = 0 // JSON has neither
		}
		if item.Categories == nil {
			item.Categories = []string{} // an empty array in JSON
		}
		list.Recommendations = append(list.Recommendations, Recommendation{
			ID: item.BookID, ExternalID: a.externalID(item.BookID), Title: item.Title, Author: item.Author, Categories: item.Categories,
			Score: item.Score, Reason: reason(s, item),
		})
	}
	return list
}
