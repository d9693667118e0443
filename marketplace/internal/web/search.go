package web

import (
	"net/http"
	"net/url"
	"strings"

	"bookstall/marketplace/internal/catalog"
)

const searchBestsellers = 6

type searchPage struct {
	layout
	Total       int
	Books       []card
	Paging      paging
	Bestsellers []card // shown when there is nothing else
}

// search is GET /search.
func (s *shop) search(w http.ResponseWriter, r *http.Request, v visitor) error {
	given := r.URL.Query()
	text := searchText(given.Get("q"))
	here := r.URL.RequestURI()
	own := s.askOwnBooks(r.Context(), v, here)()
	page := searchPage{layout: s.newLayout("Search", here, v, own)}
	page.Query = text
	values := url.Values{"q": {text}}
	if slug := given.Get("category"); s.Catalog.HasCategory(slug) {
		page.Category = slug
		values.Set("category", slug)
	}
	if text != "" {
		page.Title = "“" + text + "”"
		var found catalog.Page
		found, page.Paging = s.list(r, catalog.Query{Text: text, Category: page.Category}, "/search", values)
		page.Total, page.Books = found.Total, own.cards(found.Books)
	}
	if page.Total == 0 {
		page.Bestsellers = own.cards(s.Catalog.Bestsellers(page.Category, searchBestsellers))
	}
	return s.show(w, "search.html", page)
}

// searchText makes something of whatever was typed.
func searchText(typed string) string {
	text := strings.TrimSpace(strings.ToValidUTF8(typed, " "))
	if runes := []rune(text); len(runes) > maxText {
		text = strings.TrimSpace(string(runes[:maxText]))
	}
	return text
}
