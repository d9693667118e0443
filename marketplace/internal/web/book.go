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
	Actions *bookActions
}

// book is GET /books/{id}.
func (s *shop) book(w http.ResponseWriter, r *http.Request, v visitor) error {
	b, err := s.bookOf(r)
	if err != nil {
		return err
	}
	here := r.URL.RequestURI()
	wait := s.askOwnBooks(r.Context(), v, here)
	shelf, err := s.similar(r.Context(), b.ID, similarBooks)
	own := wait()
	if err != nil {
		return err
	}
	title := b.Title
	if b.Author != "" {
		title += " by " + b.Author
	}
	page := bookPage{
		layout: s.newLayout(title, here, v, own), Book: b,
		Similar: s.newShelfView(shelf, noReason, own, "similar"), Actions: own.actions(b, "yours", true),
	}
	page.Category = b.Categories[0]
	return s.show(w, "book.html", page)
}
