package web

import (
	"net/http"
	"slices"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const categoryShelf = 6

type listPage struct {
	layout
	Heading string
	Total   int
	Shelf   *shelfView // the reader's own, on the first page of a category
	Away    bool       // there would be one if recommendations answered
	Books   []card
	Paging  paging
}

// allBooks is GET /books.
func (s *shop) allBooks(w http.ResponseWriter, r *http.Request, v visitor) error {
	found, paging := s.list(r, catalog.Query{}, "/books", nil)
	return s.show(w, "list.html", listPage{
		layout: s.newLayout("All books", r.URL.RequestURI(), v), Heading: "All books",
		Total: found.Total, Books: cards(found.Books), Paging: paging,
	})
}

// category is GET /categories/{slug}.
func (s *shop) category(w http.ResponseWriter, r *http.Request, v visitor) error {
	slug := r.PathValue("slug")
	if !s.Catalog.HasCategory(slug) {
		return errNoSuchCategory
	}
	name := catalog.CategoryName(slug)
	found, paging := s.list(r, catalog.Query{Category: slug}, "/categories/"+slug, nil)
	page := listPage{
		layout: s.newLayout(name, r.URL.RequestURI(), v), Heading: name,
		Total: found.Total, Books: cards(found.Books), Paging: paging,
	}
	page.Category = slug
	if paging.Page == 1 {
		shelf, err := s.shelf(r.Context(), v.readerID(), slug, categoryShelf)
		if err != nil {
			return err
		}
		page.Away = shelf.Source == recommend.Fallback
		// Bestsellers are what the list below begins with.
		if shelf.Source == recommend.Personal && slices.ContainsFunc(shelf.Items, func(i recommend.Item) bool { return i.BecauseID != 0 }) {
			view := s.newShelfView(shelf, reason)
			page.Shelf = &view
		}
	}
	return s.show(w, "list.html", page)
}
