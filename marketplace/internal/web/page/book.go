package page

import (
	"math"
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/cover"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
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
	similar := p.cfg.Shelves.Count(p.cfg.Recommender.Similar(r.Context(), b, similarBooks))
	v, own := p.waitOwnBooks(w, v, wait)
	noReason := func(recommend.Shelf, recommend.Item) string { return "" } // the heading has it
	title := b.Title
	if b.Author != "" {
		title += " by " + b.Author
	}
	page := bookPage{
		layout: p.layout(title, here, v, own), Book: b,
		Similar: p.shelf(similar, noReason, own, "similar"), Actions: own.actions(b, "yours", true),
	}
	page.Category = b.Categories[0]
	return p.show(w, "book.html", page)
}

// Cover is GET /books/{id}/cover.svg.
func (p *Pages) Cover(w http.ResponseWriter, r *http.Request) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	drawn := cover.Draw(cover.Book{ID: b.ID, Title: b.Title, Author: b.Author, Category: b.Categories[0]})
	reply.NewFile("image/svg+xml", drawn).Serve(w, r, "public, max-age=86400")
	return nil
}

// bookOf returns the book whose id is in the path.
func (p *Pages) bookOf(r *http.Request) (catalog.Book, error) {
	id, ok := request.WholeNumber(r.PathValue("id"), 1, math.MaxInt64)
	if !ok {
		return catalog.Book{}, catalog.ErrBookNotFound
	}
	return p.cfg.Catalog.Book(id)
}
