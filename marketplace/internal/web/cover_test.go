package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"bookstall/marketplace/internal/catalog"
)

func TestCover(t *testing.T) {
	s := newTestShop(t, fewBooks())
	first := s.get("/books/1/cover.svg").want(t, 200, "<svg", "The Hobbit")
	etag := first.Header.Get("ETag")
	if first.Header.Get("Content-Type") != "image/svg+xml" || first.Header.Get("Cache-Control") != "no-cache" || etag == "" {
		t.Errorf("header %v", first.Header)
	}
	if first.Header.Get("Set-Cookie") != "" {
		t.Error("a picture that may be cached sets a cookie")
	}
	for _, known := range []string{etag, strings.TrimPrefix(etag, "W/"), `"other", ` + etag, "*"} {
		if again := s.get("/books/1/cover.svg", "If-None-Match", known); again.StatusCode != http.StatusNotModified || again.body != "" {
			t.Errorf("If-None-Match %s: status %d", known, again.StatusCode)
		}
	}
	s.get("/books/1/cover.svg", "If-None-Match", `"other"`).want(t, 200)
	if other := s.get("/books/2/cover.svg").Header.Get("ETag"); other == etag {
		t.Error("two covers have one ETag")
	}
}

// The address of a drawn cover changes with what is drawn, so that browsers can keep each and
// show none that is of another book or title.
func TestAddressesOfDrawnCovers(t *testing.T) {
	contents := fewBooks()
	books := catalog.New()
	if err := books.Replace(contents); err != nil {
		t.Fatal(err)
	}
	s := newTestShop(t, contents, func(c *Config) { c.Catalog = books })
	drawn := `src="(/books/1/cover/[0-9a-f]{16}\.svg)"`
	before := found(t, s.get("/books/1"), drawn)
	kept := s.get(before).want(t, 200, "<svg", "The Hobbit")
	if kind, cache := kept.Header.Get("Content-Type"), kept.Header.Get("Cache-Control"); kind != "image/svg+xml" || cache != "public, max-age=31536000, immutable" || kept.Header.Get("Set-Cookie") != "" {
		t.Errorf("%s: headers %v", before, kept.Header)
	}
	if again := s.get(before, "If-None-Match", kept.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("%s with its ETag: status %d", before, again.StatusCode)
	}
	for _, path := range []string{"/", "/books", "/search?q=hobbit"} { // cards, which are kept, are made before the import
		s.get(path).want(t, 200, before).without(t, "/cover.svg")
	}

	contents.Version = "after an import"
	contents.Books = slices.Clone(contents.Books)
	contents.Books[0].Title = "The Hobbit, or There and Back Again"
	if err := books.Replace(contents); err != nil {
		t.Fatal(err)
	}
	after := found(t, s.get("/books/1"), drawn)
	if after == before {
		t.Fatalf("after an import the cover of another title has the address %s", after)
	}
	for _, path := range []string{"/", "/books", "/search?q=hobbit"} {
		s.get(path).want(t, 200, after).without(t, before)
	}
	s.get(after).want(t, 200, "There and Back Again")
	// A page of before, or of another replica, which has another catalogue.
	if got := s.get(before).want(t, 200, "There and Back Again"); got.Header.Get("Cache-Control") != "no-cache" || got.Header.Get("ETag") == "" {
		t.Errorf("the cover of another title may be kept: headers %v", got.Header)
	}
	for _, name := range []string{"0.svg", "0123456789ABCDEF.svg", "0123456789abcdef.jpg", "0123456789abcdef-160.svg", "..%2f..%2fetc%2fpasswd.svg"} {
		s.get("/books/1/cover/"+name).want(t, 404)
	}
	s.get("/books/999/cover/0123456789abcdef.svg").want(t, 404)
}
