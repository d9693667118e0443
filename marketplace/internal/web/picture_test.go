package web

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
)

// newCovers returns a folder of covers for book 1 that has been looked at.
func newCovers(t *testing.T) (covers *coverdir.Folder, hash string) {
	t.Helper()
	var content bytes.Buffer
	if err := jpeg.Encode(&content, image.NewRGBA(image.Rect(0, 0, 400, 600)), nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "1.jpg"), content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	covers, err := coverdir.Open(coverdir.Config{Dir: dir, Kept: t.TempDir(), Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	if err := covers.Look(); err != nil {
		t.Fatal(err)
	}
	hash, _ = covers.Of(catalog.Book{ID: 1})
	return covers, hash
}

func TestPictures(t *testing.T) {
	covers, hash := newCovers(t)
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Covers = covers })
	for _, width := range []string{"160", "320", "640"} {
		address := "/books/1/cover/" + hash + "-" + width + ".jpg"
		got := s.get(address).want(t, http.StatusOK)
		if kind, cache := got.Header.Get("Content-Type"), got.Header.Get("Cache-Control"); kind != "image/jpeg" || cache != "public, max-age=31536000, immutable" || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: headers %v", address, got.Header)
		}
		if _, err := jpeg.Decode(strings.NewReader(got.body)); err != nil {
			t.Error(err)
		}
		if again := s.get(address, "If-None-Match", got.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s with its ETag: status %d", address, again.StatusCode)
		}
	}
	// Pages of another replica, which has looked before or after this one.
	other := strings.Repeat("0", len(hash))
	if got := s.get("/books/1/cover/"+other+"-160.jpg").want(t, http.StatusOK); got.Header.Get("Content-Type") != "image/jpeg" || got.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("another picture of the book: headers %v", got.Header)
	}
	if got := s.get("/books/2/cover/"+other+"-160.jpg").want(t, 200, "<svg"); got.Header.Get("Content-Type") != "image/svg+xml" || got.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a book without a picture: headers %v", got.Header)
	}
	for _, name := range []string{hash + "-161.jpg", hash + "-0160.jpg", hash + "-160.png", hash + ".jpg", "-160.jpg/x", "..%2f..%2fetc%2fpasswd-160.svg"} {
		s.get("/books/1/cover/"+name).want(t, 404)
	}
	s.get("/books/999/cover/"+hash+"-160.jpg").want(t, 404)
	newTestShop(t, fewBooks()).get("/books/1/cover/"+hash+"-160.jpg").want(t, 404) // without --covers-dir
}

// Cards are kept, but not longer than the pictures on them.
func TestCardsFollowTheFolderOfCovers(t *testing.T) {
	covers, hash := newCovers(t)
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Covers = covers })
	for range 2 {
		s.get("/books").want(t, http.StatusOK, "/books/1/cover/"+hash+"-640.jpg")
	}
	if err := os.Remove(filepath.Join(covers.Dir, "1.jpg")); err != nil {
		t.Fatal(err)
	}
	if err := covers.Look(); err != nil {
		t.Fatal(err)
	}
	found(t, s.get("/books"), `src="(/books/1/cover/[0-9a-f]{16}\.svg)"`)
}
