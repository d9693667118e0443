package web

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const categoryShelf = 6

type listPage struct {
	layout
	Heading string
	Total   int
	Shelf   *liveShelf // the reader's own, on the first page of a category
	Books   []card
	Paging  paging
}

// allBooks is GET /books.
func (s *shop) allBooks(w http.ResponseWriter, r *http.Request, v visitor) error {
	here := r.URL.RequestURI()
	own := s.askOwnBooks(r.Context(), v, here)()
	found, paging := s.list(r, catalog.Query{}, "/books", nil)
	return s.show(w, "list.html", listPage{
		layout: s.newLayout("All books", here, v, own), Heading: "All books",
		Total: found.Total, Books: own.cards(found.Books), Paging: paging,
	})
}

// category is GET /categories/{slug}.
func (s *shop) category(w http.ResponseWriter, r *http.Request, v visitor) error {
	slug := r.PathValue("slug")
	if !s.Catalog.HasCategory(slug) {
		return errNoSuchCategory
	}
	name, here := catalog.CategoryName(slug), r.URL.RequestURI()
	wait := s.askOwnBooks(r.Context(), v, here)
	found, paging := s.list(r, catalog.Query{Category: slug}, "/categories/"+slug, nil)
	var shelf recommend.Shelf
	var err error
	if paging.Page == 1 {
		shelf, err = s.shelf(r.Context(), v.shelfQuery(slug, categoryShelf))
	}
	own := wait()
	if err != nil {
		return err
	}
	page := listPage{
		layout: s.newLayout(name, here, v, own), Heading: name,
		Total: found.Total, Books: own.cards(found.Books), Paging: paging,
	}
	page.Category = slug
	if paging.Page == 1 {
		live := s.newLiveShelf(shelf, slug, v, own)
		page.Shelf = &live
	}
	return s.show(w, "list.html", page)
}
