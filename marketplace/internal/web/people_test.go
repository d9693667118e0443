package web

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
)

// volumes is a catalogue with a series that has gaps, by two people.
func volumes() catalog.Contents {
	book := func(id int64, title, author, series, number string) catalog.Book {
		return catalog.Book{ID: id, Title: title, Author: author, Categories: []string{"fantasy"}, Popularity: id, Series: series, SeriesNumber: number}
	}
	c := catalog.Contents{Version: "v1", Samples: fewBooks().Samples, Books: []catalog.Book{
		book(1, "Two", "Ann Öde", "Sagas", "2"), book(2, "Five", "Ann Ode", "Sagas", "5"), book(3, "Five and a half", "ANN ODE", "Sagas", "5.5"),
		book(4, "Companion", "Ann Öde", "Sagas", ""), book(5, "Eight", "Ann Öde", "Sagas", "7–8"), book(6, "Ten", "Ann Öde", "Sagas", "10"),
		book(7, "Other", "村上 春樹", "", ""), book(8, "Nobody’s", "?!", "…", ""),
	}}
	c.Books[6].Contributors = []catalog.Contributor{{Name: "Ann Ode", Role: "translator"}, {Name: "ann ode", Role: "illustrator"}, {Name: "Cy & Co"}}
	return c
}

func TestAuthorPages(t *testing.T) {
	s := newTestShop(t, volumes(), at(t, "https://shop.example/shop"))
	page := s.get("/authors/ann-ode").want(t, 200, "<h1>Ann Ode</h1>", "7 books, most loved first", "As translator, illustrator",
		`<link rel="canonical" href="https://shop.example/shop/authors/ann-ode">`, `"@type":"Person"`, `"url":"https://shop.example/shop/authors/ann-ode"`, `name="sort"`)
	if want := []string{"Other", "Ten", "Eight", "Companion", "Five and a half", "Five", "Two"}; !slices.Equal(page.cards(), want) {
		t.Errorf("the books are %q", page.cards())
	}
	s.get("/authors/ann-ode?sort=title").want(t, 200, "7 books, by title", `<link rel="canonical" href="https://shop.example/shop/authors/ann-ode">`)
	s.get("/authors/"+url.PathEscape("村上-春樹")).want(t, 200, "1 book").without(t, `name="sort"`)
	for path, want := range map[string]string{"/authors/Ann%20%C3%96de": "/shop/authors/ann-ode", "/series/SAGAS": "/shop/series/sagas"} {
		if got := s.get(path).want(t, 307).Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	for _, none := range []string{"/authors/nobody", "/authors/%3F", "/authors/", "/series/x", "/series/%E2%80%A6", "/authors/%ff"} {
		s.get(none).want(t, 404)
	}
	s.get("/books/7").want(t, 200, `href="/shop/authors/`+url.PathEscape("村上-春樹")+`"`, `<a href="/shop/authors/cy-co">`, "(translator)")
	s.get("/books/8").want(t, 200, "?!").without(t, `authors/"`, `series/"`) // a name that is punctuation has no page
	s.get("/books").want(t, 200, `<p class="card-author" lang="" dir="auto"><a href="/shop/authors/ann-ode">`)
}

// The page of a book that lists leave out links its author and its series, too.
func TestNamesOfHiddenBooks(t *testing.T) {
	contents := fewBooks()
	contents.Books[0].Hidden = true
	s := newTestShop(t, contents)
	s.get("/books/1").want(t, 200, `href="/authors/jrr-tolkien"`, `href="/series/middle-earth"`)
	s.get("/authors/jrr-tolkien").want(t, 200, "There is no book of theirs in the shop at the moment.", "noindex").without(t, "The Hobbit", "0 books", "Books</h2>")
	s.get("/series/middle-earth").want(t, 200, "There is no book of this series in the shop at the moment.", "noindex").without(t, "The Hobbit", "0 books")
	s.get("/authors/jane-austen?year_from=2000").want(t, 200, "0 books", "No book passes all of the filters")
}

// A series is in order, says what it lacks and what the visitor has.
func TestSeriesPage(t *testing.T) {
	s := newTestShop(t, volumes())
	s.own()
	for _, done := range [][2]string{{"1", "purchase"}, {"1", "rating-4"}, {"5", "want"}, {"2", "like"}} {
		s.act(done[0], done[1])
	}
	page := s.get("/series/sagas").want(t, 200, "<h1 dir=\"auto\">Sagas</h1>", "6 books in order, 2 of which you liked, rated or bought",
		"You bought it · You rated it 4 of 5", "You like it", "You want to read it")
	golden(t, "series", page.body)
	got := regexp.MustCompile(`(?:Number \d+ is|Numbers \d+ to \d+ are) not in this shop|class="card-title"[^>]*>([^<]*)<`).FindAllStringSubmatch(page.body, -1)
	var list []string
	for _, match := range got {
		if match[1] != "" {
			list = append(list, match[1])
		} else {
			list = append(list, match[0])
		}
	}
	want := []string{
		"Number 1 is not in this shop", "Two", "Numbers 3 to 4 are not in this shop", "Five", "Five and a half", "Number 6 is not in this shop", "Eight",
		"Number 9 is not in this shop", "Ten", "Companion",
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("the series (-want +got):\n%s", diff)
	}
	page = newTestShop(t, volumes(), at(t, "https://shop.example/shop")).get("/series/sagas").want(t, 200, `<link rel="canonical" href="https://shop.example/shop/series/sagas">`)
	_, rest, _ := strings.Cut(page.body, `<script type="application/ld+json">`)
	text, _, _ := strings.Cut(rest, `</script>`)
	var data struct {
		Type  string                           `json:"@type"`
		Parts []struct{ URL, Position string } `json:"hasPart"`
	}
	if err := json.Unmarshal([]byte(text), &data); err != nil || data.Type != "BookSeries" || len(data.Parts) != 6 || data.Parts[0].Position != "2" ||
		data.Parts[0].URL != "https://shop.example/shop/books/1" {
		t.Errorf("search engines read %+v, %v", data, err)
	}
}

// A long series has pages, and knows its gaps over them.
func TestSeriesPages(t *testing.T) {
	contents := fewBooks()
	for n := range int64(30) {
		contents.Books = append(contents.Books, catalog.Book{ID: 100 + n, Title: "Volume", Categories: []string{"comics"}, Series: "Long", SeriesNumber: []string{"1", "27"}[n/24]})
	}
	s := newTestShop(t, contents)
	s.get("/series/long").want(t, 200, "30 books in order · page 1 of 2", `href="/series/long?page=2" rel="next"`).without(t, "not in this shop")
	s.get("/series/long?page=2").want(t, 200, "page 2 of 2", `href="/series/long" rel="prev"`)
	s.get("/series/long?page=99").want(t, 200, "page 2 of 2")
}

// The feed is valid by RFC 4287 as far as feeds like it can break it, and clients need not load it twice.
func TestFeed(t *testing.T) {
	contents := fewBooks()
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 5, time.FixedZone("", 3600)) }
	contents.Books[0].Added, contents.Books[5].Added, contents.Books[6].Added = day(1), day(3), day(2)
	const public = "https://shop.example/shop"
	s := newTestShop(t, contents, at(t, public))
	s.get("/").want(t, 200, `<link rel="alternate" type="application/atom+xml" title="New books" href="`+public+`/new.atom">`)
	got := s.get("/new.atom").want(t, 200)
	type person struct {
		Name string `xml:"name"`
		URI  string `xml:"uri"`
	}
	type link struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	}
	type entry struct {
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Summary string   `xml:"summary"`
		Lang    string   `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		Author  []person `xml:"author"`
		Link    []link   `xml:"link"`
	}
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Author  []person `xml:"author"`
		Link    []link   `xml:"link"`
		Entry   []entry  `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(got.body), &feed); err != nil {
		t.Fatalf("%v in %s", err, got.body)
	}
	if feed.ID != public+"/new.atom" || feed.Title != "New books · Bookstall" || feed.Updated != "2026-03-03T11:00:00Z" || len(feed.Author) != 1 ||
		feed.Link[0] != (link{"self", public + "/new.atom"}) {
		t.Errorf("the feed is %+v", feed)
	}
	want := []entry{
		{ID: public + "/books/6", Title: contents.Books[5].Title, Updated: "2026-03-03T11:00:00Z", Author: []person{{contents.Books[5].Author, public + "/authors/script-alert-1-script"}},
			Link: []link{{"alternate", public + "/books/6"}}},
		{ID: public + "/books/7", Title: "Beowulf", Updated: "2026-03-02T11:00:00Z", Link: []link{{"alternate", public + "/books/7"}}},
		{ID: public + "/books/1", Title: "The Hobbit", Updated: "2026-03-01T11:00:00Z", Author: []person{{"J.R.R. Tolkien", public + "/authors/jrr-tolkien"}},
			Link: []link{{"alternate", public + "/books/1"}}, Summary: contents.Books[0].Description, Lang: "en"},
	}
	if diff := cmp.Diff(want, feed.Entry); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if kind := got.Header.Get("Content-Type"); kind != "application/atom+xml; charset=utf-8" {
		t.Errorf("the type is %q", kind)
	}
	for name, value := range map[string]string{"If-None-Match": got.Header.Get("ETag"), "If-Modified-Since": got.Header.Get("Last-Modified")} {
		s.get("/new.atom", name, value).want(t, 304)
	}
	s.get("/new.atom", "If-Modified-Since", day(1).UTC().Format(http.TimeFormat)).want(t, 200)
	s.get("/new.atom", "If-None-Match", `"other"`, "If-Modified-Since", got.Header.Get("Last-Modified")).want(t, 200)

	newTestShop(t, contents).get("/new.atom").want(t, 404)                                 // no URLs
	newTestShop(t, fewBooks(), at(t, public)).get("/new.atom").want(t, 404)                // nothing new
	newTestShop(t, fewBooks(), at(t, public)).get("/").want(t, 200).without(t, "atom+xml") // nothing to find
}
