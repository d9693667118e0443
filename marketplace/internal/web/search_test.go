package web

import (
	"net/url"
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/search?q=jane").want(t, 200, "2 books for “jane”", "Jane Eyre", "Emma", `value="jane"`).without(t, "The Hobbit")
	golden(t, "search", page.body)
	s.get("/search?q=Bronte").want(t, 200, "1 book for “Bronte”", "Jane Eyre").without(t, "Emma")
	s.get("/search?q=jane&category=romance").want(t, 200, "2 books", `<option value="romance" selected>`)
	s.get("/search?q=jane&category=fantasy").want(t, 200, "Nothing for “jane”", `<a href="/search?q=jane">drop “Fantasy”</a> and see 2 books`).without(t, "check the spelling")
	s.get("/search?q=jane&category=no-such").want(t, 200, "2 books")
}

func TestSearchWithTypingMistakes(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/search?q=tolkein&category=fantasy").want(t, 200, "1 book close to “tolkein”", `No book has just that. Did you mean <a href="/search?q=Tolkien&amp;category=fantasy">Tolkien</a>?`, "The Hobbit").
		without(t, "Bestsellers", "check the spelling")
	golden(t, "search-instead", page.body)
	s.get("/search?q=brotne").want(t, 200, `<a href="/search?q=Bront%C3%AB">Brontë</a>?`, "Jane Eyre")
	s.get("/api/v1/books?q=tolkein").want(t, 200, `"did_you_mean":"Tolkien"`, `"total_size":1`)
	s.get("/api/v1/books?q=tolkien").want(t, 200, `"total_size":1`).without(t, "did_you_mean")
}

func TestSearchFindsNothing(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/search?q=xyzzy").want(t, 200, "Nothing for “xyzzy”", "check the spelling", "Bestsellers", "The Hobbit")
	golden(t, "search-nothing", page.body)
	for _, path := range []string{"/search", "/search?q=", "/search?q=%20%09"} {
		s.get(path).want(t, 200, "<h1>Search</h1>", "Bestsellers").without(t, "Nothing for")
	}
}

func TestSearchPages(t *testing.T) {
	s := newTestShop(t, manyBooks())
	s.get("/search?q=saga&category=history&page=2").want(t, 200, "60 books", `href="/search?category=history&amp;page=3&amp;q=saga" rel="next"`,
		`href="/search?category=history&amp;q=saga" rel="prev"`)
}

// Any input is shown unchanged, and only as text.
func TestSearchHostile(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `{{.Books}}`, "\x00\x01\x1b[31m", "\xff\xfe\xfd",
		strings.Repeat("a", 1200), strings.Repeat("ü ", 400), "' OR 1=1 --", "../../etc/passwd", "\u202eright to left", "%00", "\r\nSet-Cookie: a=b",
	} {
		page := s.get("/search?q="+url.QueryEscape(text)).want(t, 200).without(t, "<script>", "<img src=x", "Set-Cookie: a=b\r\n")
		if len(page.body) > 50_000 {
			t.Errorf("%d bytes for %.20q", len(page.body), text)
		}
	}
	s.get("/search?q=%zz&page=;").want(t, 200)
	s.get("/search?"+strings.Repeat("q=a&", 900)).want(t, 200)
}

// A long query stays in the search box, and is no heading of many lines.
func TestALongQueryIsNoHeading(t *testing.T) {
	s := newTestShop(t, fewBooks())
	long := strings.Repeat("ä", 100)
	s.get("/search?q="+url.QueryEscape(long)).want(t, 200, `value="`+long+`"`, "Nothing for “"+strings.Repeat("ä", 59)+"…”", "<title>“"+strings.Repeat("ä", 59)+"…”").
		without(t, "“"+strings.Repeat("ä", 60))
}
