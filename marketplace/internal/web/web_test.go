package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/trace/noop"

	"bookstall/marketplace/internal/recommend"

	"bookstall/marketplace/internal/signed"
)

func TestNewRefuses(t *testing.T) {
	_, err := New(Config{CookieKeys: signed.Keys{make([]byte, 31)}})
	for _, part := range []string{"no Catalog", "no Recommender", "no Registry", "no TracerProvider", "no Propagator", "31 bytes, want at least 32"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("New: %v, want %q in it", err, part)
		}
	}
}

// All links and pictures that can be reached from the front page work and stay in the
// shop.
func TestCrawl(t *testing.T) {
	s := newTestShop(t, manyBooks())
	links := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
	todo, seen := []string{"/"}, map[string]bool{"/reader": true, "/interactions": true, "/your-books/forget": true, "/your-books/bring": true} // take POST only
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		page := s.get(path).want(t, 200)
		if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, match := range links.FindAllStringSubmatch(page.body, -1) {
			link := strings.ReplaceAll(match[1], "&amp;", "&")
			if link, _, _ = strings.Cut(link, "#"); link == "" {
				continue
			}
			if !strings.HasPrefix(link, "/") || strings.HasPrefix(link, "//") {
				t.Errorf("%s leads to %q", path, link)
				continue
			}
			todo = append(todo, link)
		}
	}
	if len(seen) < 150 { // 67 books, their covers, categories, pages of lists
		t.Errorf("only %d addresses found", len(seen))
	}
}

// Every page has what screen readers need.
func TestPagesAreAccessible(t *testing.T) {
	s := newTestShop(t, manyBooks())
	id := regexp.MustCompile(`\sid="([^"]+)"`)
	for _, path := range []string{"/", "/books?page=2", "/categories/classics", "/search?q=jane", "/search?q=none", "/books/1", "/your-books", "/none"} {
		page := s.get(path).want(t, s.get(path).StatusCode, `<html lang="en">`, `href="#main"`, `<main id="main"`, "<header", "<footer", `aria-label="Shop"`,
			`<meta name="viewport"`, `<label class="unseen" for="q">`)
		if n := strings.Count(page.body, "<h1"); n != 1 {
			t.Errorf("%s has %d h1", path, n)
		}
		seen := map[string]bool{}
		for _, match := range id.FindAllStringSubmatch(page.body, -1) {
			if seen[match[1]] {
				t.Errorf("%s: id %q appears twice", path, match[1])
			}
			seen[match[1]] = true
		}
		for _, match := range regexp.MustCompile(`(?:aria-labelledby|aria-describedby|\sfor)="([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
			if !seen[match[1]] {
				t.Errorf("%s names id %q, which is not there", path, match[1])
			}
		}
		for _, img := range regexp.MustCompile(`<img[^>]*>`).FindAllString(page.body, -1) {
			if !strings.Contains(img, "alt=") || !strings.Contains(img, "width=") {
				t.Errorf("%s: %s", path, img)
			}
		}
	}
}

// FuzzRequests sends any path and query: the shop never fails.
func FuzzRequests(f *testing.F) {
	f.Add("/", "")
	f.Add("/books", "page=2&page=3")
	f.Add("/search", "q=\xff&category=fantasy&page=-1")
	f.Add("/api/v1/recommendations", "user_id=1&max_results=0")
	f.Add("/api/v1/books", "q=a&page_token=AAAA&page_size=1e9")
	f.Add("/api/v1/books/1/similar", "%zz;&=&")
	f.Add("/books/9999999999999999999", "a")
	f.Add("/categories/%2e%2e", "")
	f.Add("/static/shop.css", "")
	f.Add("/shelf/events", "after=1&category=fantasy")
	f.Add("/api/v1/readers/1/history", "min_version=1")
	check := theContract(f)
	f.Fuzz(func(t *testing.T, path, query string) {
		s := newQuietShop(t, fewBooks())
		s.recommender.source = recommend.Personal
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path, "", query
		rec := httptest.NewRecorder()
		s.handler.ServeHTTP(rec, r)
		if rec.Code >= 500 || len(s.log.with("panic")) > 0 {
			t.Fatalf("%q?%q: %d %s %q", path, query, rec.Code, rec.Body, s.log.with("panic"))
		}
		if isAPI(r) {
			if err := check.check(r, rec); err != nil {
				t.Errorf("%q?%q: %d %s: %v", path, query, rec.Code, rec.Body, err)
			}
		}
	})
}

func BenchmarkFront(b *testing.B) { benchmarkPath(b, "/") }

func BenchmarkShelf(b *testing.B) { benchmarkPath(b, "/api/v1/recommendations?user_id=1") }

func benchmarkPath(b *testing.B, path string) {
	b.Helper()
	s := newQuietShop(b, manyBooks(), func(c *Config) {
		c.Log, c.TracerProvider = logr.Discard(), noop.NewTracerProvider()
	})
	get := func() {
		rec := httptest.NewRecorder()
		s.handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		if rec.Code != 200 {
			b.Fatal(rec.Code)
		}
	}
	get() // the first page renders the cards of its books
	for b.Loop() {
		get()
	}
}
