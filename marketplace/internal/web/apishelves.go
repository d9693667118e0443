package web

import (
	"math"
	"net/http"

	"bookstall/marketplace/internal/recommend"
)

type apiRecommendation struct {
	ID         int64    `json:"id"`
	Title      string   `json:"title"`
	Author     string   `json:"author"`
	Categories []string `json:"categories"`
	Score      float64  `json:"score"`
	Reason     string   `json:"reason"`
}

type apiShelf struct {
	Recommendations []apiRecommendation `json:"recommendations"`
	Source          recommend.Source    `json:"source"`
	ServedBy        string              `json:"served_by"`
}

// apiRecommendations is GET /api/v1/recommendations.
func (s *shop) apiRecommendations(w http.ResponseWriter, r *http.Request) error {
	q := newAPIQuery(r, "user_id", "category", "max_results", "min_version")
	query := recommend.Query{
		UserID: q.id("user_id", q.values.Get("user_id")), Category: q.category(s.Catalog),
		MaxResults: q.maxResults(), MinVersion: q.minVersion(),
	}
	if err := q.err(); err != nil {
		return err
	}
	shelf, err := s.counted(forProgram(s.Recommender.Shelf(r.Context(), query)))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newAPIShelf(shelf, reason))
}

// apiSimilar is GET /api/v1/books/{id}/similar.
func (s *shop) apiSimilar(w http.ResponseWriter, r *http.Request) error {
	q := newAPIQuery(r, "max_results")
	id, most := q.id("id", r.PathValue("id")), q.maxResults()
	if err := q.err(); err != nil {
		return err
	}
	b, err := s.Catalog.Book(id)
	if err != nil {
		return err
	}
	shelf, err := s.counted(forProgram(s.Recommender.Similar(r.Context(), id, most)))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newAPIShelf(shelf, similarReason(b.Title)))
}

func newAPIShelf(shelf recommend.Shelf, reason func(recommend.Shelf, recommend.Item) string) apiShelf {
	list := apiShelf{Recommendations: []apiRecommendation{}, Source: shelf.Source, ServedBy: shelf.ServedBy}
	for _, item := range shelf.Items {
		if math.IsNaN(item.Score) || math.IsInf(item.Score, 0) {
			item.Score = 0 // JSON has no word for it
		}
		list.Recommendations = append(list.Recommendations, apiRecommendation{
			ID: item.BookID, Title: item.Title, Author: item.Author, Categories: append([]string{}, item.Categories...),
			Score: item.Score, Reason: reason(shelf, item),
		})
	}
	return list
}
