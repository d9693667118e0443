package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/web/page"
)

// unpacked returns the content of a compressed answer.
func unpacked(t *testing.T, body string) string {
	t.Helper()
	in, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A page and what it needs before it is shown fit a slow phone: 60 kB without pictures, and two
// requests besides.
func TestPagesAreCompressed(t *testing.T) {
	s := newTestShop(t, manyBooks())
	for _, path := range []string{"/", "/books", "/books/1", "/categories/history", "/search?q=saga", "/your-books"} {
		plain := s.get(path, "Accept-Encoding", "identity").want(t, 200)
		packed := s.get(path, "Accept-Encoding", "gzip").want(t, 200)
		if packed.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: headers %v and %v", path, packed.Header, plain.Header)
		}
		if !strings.Contains(strings.Join(plain.Header["Vary"], ","), "Accept-Encoding") || !strings.Contains(strings.Join(packed.Header["Vary"], ","), "Accept-Encoding") {
			t.Errorf("%s: Vary %q and %q", path, plain.Header["Vary"], packed.Header["Vary"])
		}
		if unpacked(t, packed.body) != plain.body {
			t.Errorf("%s: the content differs", path)
		}
		total := len(packed.body)
		needed := append(attributes(plain.body, `<link rel="stylesheet" href="`), attributes(plain.body, `<script src="`)...)
		if len(needed) != 2 {
			t.Errorf("%s needs %q, want two files", path, needed)
		}
		for _, file := range needed {
			total += len(s.get(file, "Accept-Encoding", "gzip").want(t, 200).body)
		}
		t.Logf("%s: %d bytes, compressed %d, with all that it needs %d", path, len(plain.body), len(packed.body), total)
		if total > 60_000 {
			t.Errorf("%s takes %d bytes", path, total)
		}
	}
}

// A feed of fifty books is asked for every hour by each who follows it.
func TestTheFeedIsCompressed(t *testing.T) {
	contents := manyBooks()
	for i := range contents.Books {
		contents.Books[i].Added = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	}
	s := newTestShop(t, contents, at(t, "https://shop.example"))
	plain := s.get(page.FeedPath, "Accept-Encoding", "identity").want(t, 200)
	packed := s.get(page.FeedPath, "Accept-Encoding", "gzip").want(t, 200)
	if packed.Header.Get("Content-Encoding") != "gzip" || unpacked(t, packed.body) != plain.body {
		t.Errorf("headers %v and %v", packed.Header, plain.Header)
	}
}

// attributes returns the values that follow a text.
func attributes(page, before string) (list []string) {
	for _, rest := range strings.Split(page, before)[1:] {
		value, _, _ := strings.Cut(rest, `"`)
		list = append(list, value)
	}
	return list
}

// A browser that has a file, compressed or not, is told so.
func TestCompressedFilesAreNotSentAgain(t *testing.T) {
	s := newTestShop(t, fewBooks())
	style := attributes(s.get("/").body, `<link rel="stylesheet" href="`)[0]
	for _, first := range []string{"gzip", "identity"} {
		for _, second := range []string{"gzip", "identity"} {
			etag := s.get(style, "Accept-Encoding", first).want(t, 200).Header.Get("ETag")
			again := s.get(style, "Accept-Encoding", second, "If-None-Match", etag)
			if etag == "" || again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != etag || again.body != "" {
				t.Errorf("%s, then %s: %q, status %d, %q", first, second, etag, again.StatusCode, again.Header.Get("ETag"))
			}
		}
	}
}

// What must arrive at once, and what programs read, is as it was.
func TestWhatIsNotCompressed(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/api/v1/books", "/api/openapi.yaml"} {
		if a := s.get(path, "Accept-Encoding", "gzip").want(t, 200); a.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	for _, accepted := range []string{"", "br", "zstd", "gzip;q=0", "*;q=0", "identity"} {
		a := s.get("/books", "Accept-Encoding", accepted)
		if a.Header.Get("Content-Encoding") != "" || !strings.HasPrefix(a.body, "<!doctype html>") {
			t.Errorf("%q: %v", accepted, a.Header)
		}
	}
}

// HEAD tells what GET would send.
func TestHeadIsCompressedLikeGet(t *testing.T) {
	s := newTestShop(t, manyBooks())
	for _, path := range []string{"/books", "/api/v1/books", "/static/none"} {
		for _, accepted := range []string{"gzip", "identity"} {
			get := s.get(path, "Accept-Encoding", accepted)
			head := s.do(http.MethodHead, path, "", "Accept-Encoding", accepted)
			if head.StatusCode != get.StatusCode || head.body != "" {
				t.Errorf("HEAD %s (%s): status %d, %q", path, accepted, head.StatusCode, head.body)
			}
			for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length", "Vary", "Cache-Control"} {
				if name == "Content-Length" && get.Header.Get("Content-Encoding") != "" && head.Header.Get(name) == "" {
					continue // it is known when all is compressed
				}
				if diff := cmp.Diff(get.Header[name], head.Header[name]); diff != "" {
					t.Errorf("HEAD %s (%s): %s (-GET +HEAD):\n%s", path, accepted, name, diff)
				}
			}
		}
	}
}
