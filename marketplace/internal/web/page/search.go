package page

import (
	"net/http"
	"net/url"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/request"
)

const searchBestsellers = 6

type searchPage struct {
	layout
	bookList
	Books       []card
	Bestsellers []card // shown when nothing was found
}

// Search is GET /search.
func (p *Pages) Search(w http.ResponseWriter, r *http.Request, v Visitor) error {
	text := searchText(r.URL.Query().Get("q"))
	here := r.URL.RequestURI()
	v, own := p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	page := searchPage{layout: p.layout("Search", here, v, own)}
	page.Query = text
	page.bookList = p.list(r, catalog.Query{Text: text}, "/search", url.Values{"q": {text}})
	page.Category = page.Refine.Query.Category
	if text == "" {
		page.bookList = bookList{}
	} else {
		page.Title = "“" + shortened(text, longestHeading) + "”"
		page.Books = own.cards(page.Found, "")
	}
	if page.Total == 0 {
		page.Bestsellers = own.cards(p.cfg.Catalog.Bestsellers(page.Category, searchBestsellers), "")
	}
	return show(w, search(&page))
}

// searchText makes valid text of any input.
func searchText(typed string) string {
	text := strings.TrimSpace(strings.ToValidUTF8(typed, " "))
	if runes := []rune(text); len(runes) > request.MaxText {
		text = strings.TrimSpace(string(runes[:request.MaxText]))
	}
	return text
}

// found says how many books match the query, or what was probably meant.
func (p *searchPage) found() string {
	count := "Nothing"
	if p.Total > 0 {
		count = p.at.books(p.Total)
	}
	relation := " for “"
	if p.Instead != "" {
		relation = " close to “"
	}
	return count + relation + shortened(p.Query, longestHeading) + "”"
}

// in names a category after a word; "" for none.
func in(category string) string {
	if category == "" {
		return ""
	}
	return " in " + catalog.CategoryName(category)
}

// longestHeading is the most characters of a query in a heading; the search box has all of it.
const longestHeading = 60

// shortened cuts a text.
func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
