package page

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
)

const categoryShelf = 6

type listPage struct {
	layout
	Heading string
	Total   int
	Shelf   *liveView // the reader's own, on the first page of a category
	Books   []card
	Paging  paging
}

// AllBooks is GET /books.
func (p *Pages) AllBooks(w http.ResponseWriter, r *http.Request, v Visitor) error {
	here := r.URL.RequestURI()
	own := p.askOwnBooks(r.Context(), v, here)()
	found, paging := p.list(r, catalog.Query{}, "/books", nil)
	return p.view.show(w, "list.html", listPage{
		layout: p.view.layout("All books", here, v, own), Heading: "All books",
		Total: found.Total, Books: own.cards(found.Books), Paging: paging,
	})
}

// Category is GET /categories/{slug}.
func (p *Pages) Category(w http.ResponseWriter, r *http.Request, v Visitor) error {
	slug := r.PathValue("slug")
	if !p.Catalog.HasCategory(slug) {
		return problem.ErrNoSuchCategory
	}
	name, here := catalog.CategoryName(slug), r.URL.RequestURI()
	wait := p.askOwnBooks(r.Context(), v, here)
	found, paging := p.list(r, catalog.Query{Category: slug}, "/categories/"+slug, nil)
	var answer recommend.Shelf
	if paging.Page == 1 {
		answer = p.Shelves.Count(p.Recommender.Shelf(r.Context(), v.shelfQuery(slug, categoryShelf)))
	}
	own := wait()
	page := listPage{
		layout: p.view.layout(name, here, v, own), Heading: name,
		Total: found.Total, Books: own.cards(found.Books), Paging: paging,
	}
	page.Category = slug
	if paging.Page == 1 {
		live := p.view.liveShelf(answer, slug, v, own)
		page.Shelf = &live
	}
	return p.view.show(w, "list.html", page)
}
