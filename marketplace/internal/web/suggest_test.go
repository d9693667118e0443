package web

import (
	"net/url"
	"strings"
	"testing"
)

// Whatever is typed, suggestions are a list, of links into the shop.
func TestSuggestions(t *testing.T) {
	contents := volumes()
	contents.Books = append(contents.Books, fewBooks().Books[5:]...)
	contents.Books[len(contents.Books)-2].ID, contents.Books[len(contents.Books)-1].ID = 100, 101
	s := newTestShop(t, contents, at(t, "https://shop.example/shop"))
	page := s.get("/suggest?q=sagas").want(t, 200, `<ul class="suggestions" id="suggestions" role="listbox"`,
		`<li id="suggestion-1" role="option" aria-selected="false" data-address="/shop/books/6"><bdi lang="">Ten</bdi> <span>Ann Öde</span>`,
		`data-address="/shop/series/sagas"><bdi lang="">Sagas</bdi> <span>Series, 6 books</span>`)
	if got := page.Header.Get("Cache-Control"); got != "private, max-age=60" {
		t.Errorf("Cache-Control is %q", got)
	}
	s.get("/suggest?q=ann").want(t, 200, `data-address="/shop/authors/ann-ode"`, "Author, 7 books")
	s.get("/suggest?q=fant").want(t, 200, `data-address="/shop/categories/fantasy"`, "Category, 8 books")
	s.get("/suggest?q=script").want(t, 200, "&lt;script&gt;").without(t, "<script>")
	for _, text := range []string{"", " ", "?!", "xyzzy", "\xff", strings.Repeat("zz ", 1000)} {
		s.get("/suggest?q="+url.QueryEscape(text)).want(t, 200, `role="listbox"`).without(t, "option")
	}
	s.get("/").want(t, 200, `data-suggest="/shop/suggest"`)
}
