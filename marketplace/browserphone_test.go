package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web"
	"bookstall/marketplace/internal/web/shelf"
)

// bestsellers answers every reader with the books that most readers like.
type bestsellers struct {
	shelf.Recommender
	books *catalog.Catalog
}

func (b bestsellers) Shelf(_ context.Context, q recommend.Query) recommend.Shelf {
	s := recommend.Shelf{Source: recommend.Popular}
	for _, book := range b.books.Bestsellers(q.Category, q.MaxResults) {
		s.Items = append(s.Items, recommend.Item{BookID: book.ID, Score: 1})
	}
	return s
}

func (b bestsellers) Similar(ctx context.Context, _ catalog.Book, q recommend.Query) recommend.Shelf {
	return b.Shelf(ctx, q)
}

// wider is how many pixels a page is wider than the screen.
const wider = `document.documentElement.scrollWidth - document.documentElement.clientWidth`

// On a small phone, no word makes a page wider than the screen, and what a reader came for is
// seen without scrolling.
func TestASmallPhoneInABrowser(t *testing.T) {
	t.Parallel()
	books := catalog.New()
	contents := catalog.Contents{Version: "v1", Books: []catalog.Book{{
		ID: 1, Title: "The Left Hand of Darkness", Author: "Ursula K. Le Guin", Series: "Hainish Cycle", Year: 1969, Categories: []string{"science-fiction"},
		Popularity: 200, Price: "12.90", Currency: "EUR", Language: "en", Description: strings.Repeat("On a cold planet. ", 20),
	}}}
	for id := range int64(30) {
		contents.Books = append(contents.Books, catalog.Book{
			ID: id + 2, Title: strings.Repeat("Donaudampfschifffahrt", 8), Author: strings.Repeat("Unaussprechlich", 8), Series: strings.Repeat("reihe", 40),
			Description: strings.Repeat("wort", 100), Categories: []string{"poetry"}, Popularity: 100 - id, Price: "9", Currency: "EUR",
		})
	}
	slug := strings.Repeat("binnenschifffahrt", 2)
	contents.Books[5].Categories = []string{slug}
	if err := books.Replace(contents); err != nil {
		t.Fatal(err)
	}
	serve := func(name string) string {
		face := storefront.Default()
		face.Name = name
		handler, err := web.New(web.Config{
			Face: face, Catalog: books, Recommender: bestsellers{books: books}, CookieKeys: signed.Keys{make([]byte, 32)},
			Registry: prometheus.NewRegistry(), TracerProvider: noop.NewTracerProvider(), Propagator: propagation.TraceContext{},
		})
		if err != nil {
			t.Fatal(err)
		}
		shop := httptest.NewServer(handler)
		t.Cleanup(shop.Close)
		return shop.URL
	}
	shop, long := serve("Bookstall"), serve("Universitätsbuchhandlung Müller & Töchter")
	b := openBrowser(t, shop)
	b.use(t, view{"small phone", 360, 640, "light"})
	named := openBrowser(t, long)
	named.use(t, view{"small phone", 360, 640, "light"})
	for _, path := range []string{"/", "/books/1", "/your-books"} {
		named.open(t, path, 200)
		if over := run1(t, named, chromedp.Evaluate[int](wider)); over > 0 {
			t.Errorf("%s, with a long name, is %d pixels wider than the screen", path, over)
		}
	}
	for path, selectors := range map[string][]string{
		"/":                   {".featured h2", ".featured .cover", ".featured .price", ".featured .like"},
		"/books/1":            {"h1", ".price-large", ".like", ".buy", ".stars"},
		"/books/2":            nil,
		"/books":              nil,
		"/books/6":            nil,
		"/categories/" + slug: nil,
		"/search?q=lang":      nil,
		"/search?q=" + strings.Repeat("lang", 50): nil,
	} {
		b.open(t, path, 200)
		if over := run1(t, b, chromedp.Evaluate[int](wider)); over > 0 {
			t.Errorf("%s is %d pixels wider than the screen", path, over)
		}
		for _, s := range selectors {
			if bottom := run1(t, b, chromedp.Evaluate[float64](`document.querySelector("main `+s+`").getBoundingClientRect().bottom`)); bottom > 640 {
				t.Errorf("%s: %s ends at %.0f of 640 pixels", path, s, bottom)
			}
		}
	}
	// The like buttons of a row are in line.
	b.use(t, views()[0])
	b.open(t, "/books", 200)
	if apart := run1(t, b, chromedp.Evaluate[float64](`(() => {
		const at = [...document.querySelectorAll(".grid .like")].slice(0, 3).map(e => e.getBoundingClientRect().top);
		return Math.max(...at) - Math.min(...at);
	})()`)); apart > 1 {
		t.Errorf("like buttons of a row are %.0f pixels apart", apart)
	}
}
