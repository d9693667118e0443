package web

import (
	"runtime"
	"testing"
	"time"

	"bookstall/marketplace/internal/catalog"
)

func TestNotFound(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/no/such/page").want(t, 404, "This page is not on our shelves")
	golden(t, "404", page.body)
	for _, path := range []string{"/books/", "/categories/", "/index.php", "/.git/config", "/static/", "/static/shop.css.map", "/reader/1", "/books/1/2", "/%00"} {
		page := s.get(path).want(t, 404, "<!doctype html>")
		if page.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: an error page sets a cookie", path)
		}
	}
}

func TestMethodNotAllowed(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for path, allow := range map[string]string{"/": "GET, HEAD", "/books/1": "GET, HEAD", "/static/x": "GET, HEAD"} {
		page := s.do("DELETE", path, "").want(t, 405, "<!doctype html>")
		if got := page.Header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", path, got, allow)
		}
	}
	if got := s.get("/reader").want(t, 405).Header.Get("Allow"); got != "POST" {
		t.Errorf("Allow %q, want POST", got)
	}
}

// Until the first catalogue arrives, the shop says that it is about to open.
func TestOpening(t *testing.T) {
	s := newTestShop(t, catalog.Contents{})
	for _, path := range []string{"/", "/books", "/books/1", "/search?q=x", "/categories/fantasy", "/books/1/cover.svg"} {
		page := s.get(path).want(t, 503, "The shop is opening")
		if page.Header.Get("Retry-After") == "" || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", path, page.Header)
		}
	}
	for _, path := range []string{"recommendations?user_id=1", "books", "books/1", "books/1/similar", "categories"} {
		s.get("/api/v1/"+path).want(t, 503, `"status":503`)
	}
	s.get("/no/such/page").want(t, 404)
	s.get("/api/openapi.yaml").want(t, 200)
}

// While the shop opens, a request waits for the first books.
func TestARequestWaitsForTheFirstBooks(t *testing.T) {
	var books *catalog.Catalog
	s := newTestShop(t, catalog.Contents{}, func(c *Config) { books, c.Opening = c.Catalog, time.Minute })
	came := make(chan answer, 1)
	go func() { came <- s.get("/books") }()
	for gauge(t, s.registry, "http_server_requests_in_flight") == 0 {
		select {
		case early := <-came:
			t.Fatalf("status %d before there were books", early.StatusCode)
		default:
			runtime.Gosched()
		}
	}
	if err := books.Replace(fewBooks()); err != nil {
		t.Fatal(err)
	}
	(<-came).want(t, 200, "The Hobbit")
}
