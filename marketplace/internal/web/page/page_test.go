package page

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-logr/logr"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
)

// shopOf returns the pages of a shop with some books.
func shopOf(tb testing.TB, books ...catalog.Book) *Pages {
	tb.Helper()
	c := catalog.New()
	if err := c.Replace(catalog.Contents{Version: "v1", Books: books}); err != nil {
		tb.Fatal(err)
	}
	keys := signed.Keys{bytes.Repeat([]byte{7}, signed.MinKey)}
	p, err := New(Config{
		Face: storefront.Default(), Catalog: c, Live: true, Log: logr.Discard(),
		Identity: signed.NewIdentityCookie(keys, signed.Scope{}, false), Version: signed.NewVersionCookie(keys, signed.Scope{}),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// shelfOfBooks returns a shop, the shelf that recommendations answered for a reader with 20
// books, and those books.
func shelfOfBooks(tb testing.TB) (*Pages, Visitor, recommend.Shelf, ownBooks) {
	tb.Helper()
	slugs := []string{"fantasy", "classics", "romance", "poetry", "science-fiction", "comics", "history", "mystery"}
	var books []catalog.Book
	answer := recommend.Shelf{Source: recommend.Personal, Version: 20}
	var history recommend.History
	for id := range int64(200) {
		b := catalog.Book{
			ID: 1000 + id, Title: fmt.Sprintf("A Book & Its Number %d", id), Author: fmt.Sprintf("Author O’Name %d", id%50), Year: 1900 + int(id%100),
			Categories: []string{slugs[id%8]}, Popularity: 200 - id, Price: fmt.Sprintf("%d.90", id%30), Currency: "EUR", Language: "en",
			Description: "A description as long as most are: three lines or four, of what happens in the book, and to whom, and why it matters to those who read it.",
		}
		books = append(books, b)
		switch {
		case id < 20:
			history.Entries = append(history.Entries, recommend.Entry{BookID: b.ID, Liked: true})
		case id >= 100 && id < 100+frontShelf:
			answer.Items = append(answer.Items, recommend.Item{
				BookID: b.ID, Title: b.Title, Author: b.Author, Score: float64(200 - id), BecauseID: 1000 + id%20, BecauseTitle: books[id%20].Title,
			})
		}
	}
	p := shopOf(tb, books...)
	own := ownBooks{here: "/", canInteract: true}
	own.fill(history)
	return p, Visitor{id: signed.NewIdentity(), tag: "a-tag", variety: recommend.Balanced}, answer, own
}

// discard counts the bytes of an answer.
type discard struct {
	header http.Header
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (*discard) WriteHeader(int)               {}
func (d *discard) Write(b []byte) (int, error) { d.bytes += len(b); return len(b), nil }

// BenchmarkFrontPage makes and sends the front page of what recommendations answered: 25 books,
// with a form each.
func BenchmarkFrontPage(b *testing.B) {
	p, v, answer, own := shelfOfBooks(b)
	b.ReportAllocs()
	w := &discard{header: http.Header{}}
	pages := 0
	for b.Loop() {
		if err := show(w, front(p.front(v, answer, own))); err != nil {
			b.Fatal(err)
		}
		pages++
	}
	b.SetBytes(int64(w.bytes / pages))
}
