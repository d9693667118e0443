package web

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
)

func TestRobots(t *testing.T) {
	for public, want := range map[string][]string{
		"":                          {"User-agent: *\n", "Disallow: /search\n", "Disallow: /your-books\n"},
		"https://shop.example/shop": {"Disallow: /shop/search\n", "\nSitemap: https://shop.example/shop/sitemap.xml\n"},
	} {
		s := newTestShop(t, fewBooks())
		if public != "" {
			s = newTestShop(t, fewBooks(), at(t, public))
		}
		got := s.get("/robots.txt").want(t, 200, want...)
		if strings.Contains(got.body, "Sitemap") != (public != "") || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%q: %v\n%s", public, got.Header, got.body)
		}
	}
}

// addressesOf reads a sitemap or their index.
func addressesOf(t *testing.T, a answer) (list []string) {
	t.Helper()
	var read struct {
		Sitemaps []string `xml:"sitemap>loc"`
		Pages    []string `xml:"url>loc"`
	}
	if err := xml.Unmarshal([]byte(a.want(t, 200).body), &read); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return append(read.Sitemaps, read.Pages...)
}

// The sitemaps have every page that search engines should show once, and each is there.
func TestSitemaps(t *testing.T) {
	var c catalog.Contents
	for id := range int64(5001) {
		c.Books = append(c.Books, catalog.Book{ID: id + 1, Title: fmt.Sprint("Book ", id), Categories: []string{"poetry"}, Hidden: id == 7})
	}
	c.Books[7].Author = "Only of a hidden book"
	c.Books[8].Author, c.Books[9].Author, c.Books[10].Series = "An Author", "村上 春樹", "Sagas #1"
	c.Version = "v1"
	const public = "https://shop.example/shop"
	s := newTestShop(t, c, at(t, public))
	seen := map[string]bool{}
	index := addressesOf(t, s.get("/sitemap.xml"))
	for _, part := range index {
		for _, page := range addressesOf(t, s.get(strings.TrimPrefix(part, public))) {
			if seen[page] || !strings.HasPrefix(page, public+"/") {
				t.Errorf("%s, again or of another shop", page)
			}
			seen[page] = true
		}
	}
	if len(index) != 2 || len(seen) != 5000+6 || seen[public+"/books/8"] {
		t.Errorf("%q have %d pages, want all books but the hidden one, the front page, all books, a category, two authors and a series", index, len(seen))
	}
	for _, path := range []string{"/", "/books", "/categories/poetry", "/books/5001", "/authors/an-author", "/authors/%E6%9D%91%E4%B8%8A-%E6%98%A5%E6%A8%B9", "/series/sagas"} {
		if !seen[public+path] {
			t.Errorf("%s is missing", path)
		}
		s.get(path).want(t, 200, `<link rel="canonical" href="`+public+path+`">`, `<meta property="og:url" content="`+public+path+`">`)
	}
	for _, none := range []string{"/sitemaps/0", "/sitemaps/3", "/sitemaps/x", "/sitemaps/"} {
		s.get(none).want(t, 404)
	}
	newTestShop(t, fewBooks()).get("/sitemap.xml").want(t, 404)
}

// Search engines and those who share a link read what a book is, and what it costs.
func TestBookForSearchEngines(t *testing.T) {
	const begin, end = `<script type="application/ld+json">`, `</script>`
	contents := fewBooks()
	contents.Books[0].Description = "Why </script><b> is no end.\n\n" + strings.Repeat("word ", 100)
	s := newTestShop(t, contents, at(t, "https://shop.example/shop"))
	picture := found(t, s.get("/books/1"), `src="/shop(/books/1/cover/[0-9a-f]{16}\.svg)"`)
	page := s.get("/books/1").want(t, 200, `<meta property="og:type" content="book">`, `<meta property="og:title" content="The Hobbit by J.R.R. Tolkien">`,
		`<meta property="og:image" content="https://shop.example/shop`+picture+`">`, `<meta name="description" content="Why &lt;/script&gt;&lt;b&gt; is no end. word word`)
	_, rest, _ := strings.Cut(page.body, begin)
	text, _, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("no data in\n%s", page.body)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	want := map[string]any{
		"@context": "https://schema.org", "@type": "Book", "url": "https://shop.example/shop/books/1", "name": "The Hobbit",
		"author":   []any{map[string]any{"@type": "Person", "name": "J.R.R. Tolkien", "url": "https://shop.example/shop/authors/jrr-tolkien"}},
		"isPartOf": map[string]any{"@type": "BookSeries", "name": "Middle-earth", "url": "https://shop.example/shop/series/middle-earth"}, "image": "https://shop.example/shop" + picture,
		"description": contents.Books[0].Description, "genre": []any{"Fantasy", "Classics"}, "isbn": "9780261103283", "inLanguage": "en", "datePublished": "1937",
		"offers": map[string]any{
			"@type": "Offer", "url": "https://shop.example/shop/books/1", "price": "12.90", "priceCurrency": "EUR", "availability": "https://schema.org/InStock",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.get("/books/4").want(t, 200, begin).without(t, `"offers"`, "datePublished")
	s.get("/").want(t, 200, `<meta property="og:type" content="website">`).without(t, begin)
	s.get("/search?q=a").want(t, 200).without(t, "og:")
	newTestShop(t, fewBooks()).get("/books/1").without(t, "og:", begin)
}
