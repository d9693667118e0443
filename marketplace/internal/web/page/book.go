package page

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const similarBooks = 6

type bookPage struct {
	layout
	Book    catalog.Book
	Similar shelfView
	Actions *bookActions
}

// Book is GET /books/{id}.
func (p *Pages) Book(w http.ResponseWriter, r *http.Request, v Visitor) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	here := r.URL.RequestURI()
	wait := p.askOwnBooks(r.Context(), v, here)
	similar, err := p.Shelves.Count(p.Recommender.Similar(r.Context(), b.ID, similarBooks))
	own := wait()
	if err != nil {
		return err
	}
	title := b.Title
	if b.Author != "" {
		title += " by " + b.Author
	}
	page := bookPage{
		layout: p.view.layout(title, here, v, own), Book: b,
		Similar: p.view.shelf(similar, noReason, own, "similar"), Actions: own.actions(b, "yours", true),
	}
	page.Category = b.Categories[0]
	return p.view.show(w, "book.html", page)
}

// noReason is for a shelf whose heading gives the reason for all its books.
func noReason(recommend.Shelf, recommend.Item) string { return "" }
