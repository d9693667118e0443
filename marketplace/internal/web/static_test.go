package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestStatic(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/").body
	urls := regexp.MustCompile(`/static/[^"]+`).FindAllString(page, -1)
	if len(urls) < 2 {
		t.Fatalf("the page has %q of /static/", urls)
	}
	for _, url := range urls {
		file := s.get(url).want(t, 200)
		if got := file.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", url, got)
		}
		if got := file.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/css") && !strings.HasPrefix(got, "text/javascript") && got != "image/svg+xml" {
			t.Errorf("%s: Content-Type %q", url, got)
		}
	}
	// During a rollout, a page of another version asks for its own style sheet.
	other := s.get("/static/shop.0123456789ab.css").want(t, 200, "--paper")
	if got := other.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control of another version %q", got)
	}
	for _, name := range []string{"nothing.0123456789ab.css", "shop.css.gz", "..%2fopenapi.yaml", "shop", ".css", "%00", "shop..css"} {
		if page := s.get("/static/" + name); page.StatusCode != http.StatusNotFound && !strings.Contains(page.body, "--paper") {
			t.Errorf("/static/%s: status %d", name, page.StatusCode)
		}
	}
}

func TestAPIDescription(t *testing.T) {
	s := newTestShop(t, fewBooks())
	file := s.get("/api/openapi.yaml").want(t, 200, "openapi: 3.1.0")
	if again := s.get("/api/openapi.yaml", "If-None-Match", file.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("status %d, want 304", again.StatusCode)
	}
	s.get("/api/openapi.yaml", "Range", "bytes=5-2").want(t, 200)
}
