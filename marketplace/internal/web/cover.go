package web

import (
	"math"
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/cover"
)

// cover is GET /books/{id}/cover.svg.
func (s *shop) cover(w http.ResponseWriter, r *http.Request) error {
	b, err := s.bookOf(r)
	if err != nil {
		return err
	}
	drawn := cover.Draw(cover.Book{ID: b.ID, Title: b.Title, Author: b.Author, Category: b.Categories[0]})
	newAsset("image/svg+xml", drawn).serve(w, r, "public, max-age=86400")
	return nil
}

// bookOf returns the book whose id is in the path.
func (s *shop) bookOf(r *http.Request) (catalog.Book, error) {
	id, ok := wholeNumber(r.PathValue("id"), 1, math.MaxInt64)
	if !ok {
		return catalog.Book{}, catalog.ErrBookNotFound
	}
	return s.Catalog.Book(id)
}
