package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestCover(t *testing.T) {
	s := newTestShop(t, fewBooks())
	first := s.get("/books/1/cover.svg").want(t, 200, "<svg", "The Hobbit")
	etag := first.Header.Get("ETag")
	if first.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(first.Header.Get("Cache-Control"), "public") || etag == "" {
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
