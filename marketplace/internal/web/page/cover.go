package page

import (
	"math"
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/cover"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

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
	return p.Catalog.Book(id)
}
