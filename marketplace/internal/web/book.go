package web

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
)

const similarBooks = 6

type bookPage struct {
	layout
	Book    catalog.Book
	Similar shelfView
}

// book is GET /books/{id}.
func (s *shop) book(w http.ResponseWriter, r *http.Request, v visitor) error {
	b, err := s.bookOf(r)
	if err != nil {
		return err
	}
	shelf, err := s.similar(r.Context(), b.ID, similarBooks)
	if err != nil {
		return err
	}
	title := b.Title
	if b.Author != "" {
		title += " by " + b.Author
	}
	page := bookPage{layout: s.newLayout(title, r.URL.RequestURI(), v), Book: b, Similar: s.newShelfView(shelf, noReason)}
	page.Category = b.Categories[0]
	return s.show(w, "book.html", page)
}
