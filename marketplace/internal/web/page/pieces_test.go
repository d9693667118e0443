package page

import (
	"encoding/csv"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// hostile means something else where it is not escaped for its place.
const hostile = `"><script>'a' & b</script>`

// changes calls do with v after each change of one field in it, and takes that back. It does
// not change what constant names.
func changes(t *testing.T, v reflect.Value, constant map[string]bool, name string, do func(name string)) {
	t.Helper()
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	set := func(to any) {
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		do(name)
		v.Set(was)
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			set(time.Unix(1, 0))
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !constant[field.Name] && field.IsExported() {
				changes(t, v.Field(i), constant, name+"."+field.Name, do)
			}
		}
	case reflect.String:
		set(v.String() + hostile)
		set("")
	case reflect.Bool:
		set(!v.Bool())
	case reflect.Int, reflect.Int64:
		set(v.Int() + 1)
		set(0)
	case reflect.Slice:
		own := reflect.AppendSlice(reflect.Zero(v.Type()), v)
		for i := range v.Len() {
			changes(t, own.Index(i), constant, fmt.Sprintf("%s[%d]", name, i), func(name string) {
				v.Set(reflect.AppendSlice(reflect.Zero(v.Type()), own)) // what was shown before is not changed
				do(name)
			})
			v.Set(was)
		}
		set(reflect.Append(v, reflect.Zero(v.Type().Elem())).Interface())
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			changes(t, own.Elem(), constant, name, func(name string) {
				v.Set(reflect.New(v.Type().Elem()))
				v.Elem().Set(own.Elem())
				do(name)
			})
			v.Set(was)
		}
		v.SetZero()
		do(name)
		v.Set(was)
	default:
		t.Fatalf("%s is a %s: teach this test about it", name, v.Kind())
	}
}

func rendered(t *testing.T, c templ.Component) string {
	t.Helper()
	html, err := Render(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(html)
}

func fullBook() catalog.Book {
	stock := int64(3)
	return catalog.Book{
		ID: 7, Title: "A title", Author: "An author", Year: 1937, Categories: []string{"fantasy", "classics"}, Popularity: 12,
		ExternalID: "x-7", Series: "A series", ISBN: "9780261102217", Description: "A description.", Price: "12.90", Currency: "EUR", Language: "en",
		Availability: catalog.Available, Stock: &stock, BuyURL: "https://shop.example/7", Publisher: "A publisher", Format: "Paperback",
		Pages: 310, SeriesNumber: "1", Contributors: []catalog.Contributor{{Name: "A translator", Role: "translator"}},
	}
}

// A kept card is what the template makes of the book, the reader and the page, whichever of
// them has changed since the last one.
func TestKeptCardsAreThoseOfTheTemplate(t *testing.T) {
	at := shopOf(t, fullBook()).links
	for kind, name := range map[cardKind]string{onShelf: "on a shelf", inFront: "in front", amongBestsellers: "among bestsellers", amongOwn: "among own books"} {
		b := fullBook()
		entry := recommend.Entry{BookID: 7, Rating: 4, Liked: true, Purchased: true}
		cards := []card{{Book: &b, Reason: "A reason", Rank: 2, Anchor: "an-anchor", Actions: &bookActions{Book: &b, Entry: entry, Back: "/#back", Whole: kind == amongOwn}}}
		c := &cards[0]
		n := 0
		check := func(what string) {
			n++
			if c.Book == nil || len(c.Categories) == 0 {
				return // no book is without
			}
			if c.Actions != nil {
				c.Actions.Book = c.Book
			} else if kind == amongOwn {
				return // those always have a form
			}
			if diff := cmp.Diff(rendered(t, kind.template(at, c)), rendered(t, cardsOf(at, kind, cards))); diff != "" {
				t.Errorf("%s, after a change of %s (-want +got):\n%s", name, what, diff)
			}
		}
		check("nothing")
		changes(t, reflect.ValueOf(cards).Index(0), nil, "card", check)
		check("nothing")
		if n < 50 {
			t.Errorf("%s: only %d changes", name, n)
		}
	}
}

// The kept card of every book of the demonstration is that of the template, in every form.
func TestKeptCardsOfAllBooks(t *testing.T) {
	books := demonstration(t)
	at := shopOf(t, books...).links
	entries := []recommend.Entry{{}, {Liked: true}, {Rating: 3, Purchased: true}, {Wanted: true}, {Dismissed: true}}
	for i := range books {
		for kind := onShelf; kind <= amongOwn; kind++ {
			entry := entries[i%len(entries)]
			c := card{
				Book: &books[i], Reason: "Because you like “A & B”", Rank: i % 3, Explained: i%2 == 0,
				Actions: &bookActions{Book: &books[i], Entry: entry, Back: `/?q="<>"#for-you`, Whole: kind == amongOwn},
			}
			want := rendered(t, kind.template(at, &c))
			for _, state := range []string{"made", "kept"} {
				if got := rendered(t, cardsOf(at, kind, []card{c})); got != want {
					t.Fatalf("%q, kind %d, %s:\n%s\nwant\n%s", c.Title, kind, state, got, want)
				}
			}
		}
	}
}

// demonstration returns the books of the demonstration.
func demonstration(t *testing.T) (books []catalog.Book) {
	t.Helper()
	f, err := os.Open("../../../../recommendations/internal/sample/data/books.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows[1:] { // book_id, title, author, year, categories, popularity, series, description, price, currency, language
		id, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		year, _ := strconv.Atoi(row[3])
		books = append(books, catalog.Book{
			ID: id, Title: row[1], Author: row[2], Year: year, Categories: strings.Split(row[4], "|"), Series: row[6], Description: row[7],
			Price: row[8], Currency: row[9], Language: row[10], New: i%7 == 0, Stock: new(int64(i % 5)),
		})
	}
	return books
}

// Kept cards keep no catalogue in memory that has been replaced.
func TestKeptCardsLetGoOfTheCatalogue(t *testing.T) {
	p := shopOf(t, fullBook())
	b := p.cfg.Catalog.Find(7)
	rendered(t, cardsOf(p.links, onShelf, ownBooks{canInteract: true}.cards([]*catalog.Book{b}, "")))
	former := weak.Make(b)
	if err := p.cfg.Catalog.Replace(catalog.Contents{Version: "v2", Books: []catalog.Book{fullBook()}}); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if former.Value() != nil {
		t.Error("the catalogue is still there")
	}
}

// What goes into a gap is escaped as templ escapes it.
func FuzzGap(f *testing.F) {
	for _, text := range []string{"", "plain", hostile, "&", "'\"<>", "a\x00b\xff & ü’"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got strings.Builder
		if err := writeEscaped(&got, text); err != nil || got.String() != templ.EscapeString(text) {
			t.Errorf("%q is %q, want %q (%v)", text, got.String(), templ.EscapeString(text), err)
		}
	})
}

// A page of a shop that has shown others is that of a shop that has not.
func TestKeptPartsAreThoseOfTheirPage(t *testing.T) {
	p := shopOf(t, fullBook())
	l := p.layout("A title", "/books/7", Visitor{tag: "a-tag"}, ownBooks{})
	l.Category, l.Query, l.Yours, l.Reading, l.ReadingAs, l.Remembers = "fantasy", "a query", "3", "A reader", "Reading as", true
	l.Readers = []readerChoice{{"7", "A reader", true}, {"8", "Another", false}}
	l.Links = []Link{{"/extra", "An extra"}}
	main := func() templ.Component { return extra(&l, browseOf(l.at, l.Categories)) }
	n := 0
	check := func(what string) {
		n++
		got := rendered(t, main())
		cold, err := newLinks(p.static, "", &p.cfg.Face, nil)
		if err != nil {
			t.Fatal(err)
		}
		warm := l.at
		l.at = cold
		want := rendered(t, main())
		l.at = warm
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after a change of %s (-want +got):\n%s", what, diff)
		}
	}
	check("nothing")
	changes(t, reflect.ValueOf(&l).Elem(), map[string]bool{"Data": true}, "layout", check)
	for _, here := range []string{"/books", YourBooksPath, "/"} {
		l.Here = here
		check("the page")
	}
	if n < 50 {
		t.Errorf("only %d changes", n)
	}
}

// What is kept is bounded, however many books a shop has.
func TestKeptPiecesAreBounded(t *testing.T) {
	at := shopOf(t, fullBook()).links
	bytes := 0
	count := func(m map[cardKey]*kept[cardFrom]) {
		for _, k := range m {
			for _, text := range k.piece.texts {
				bytes += len(text)
			}
		}
	}
	b := fullBook()
	for id := range int64(6000) {
		b.ID = id + 1
		rendered(t, cardsOf(at, onShelf, []card{{Book: &b}}))
	}
	count(at.cards.young)
	count(at.cards.old)
	if bytes > at.cards.most || bytes < at.cards.most/8 {
		t.Errorf("%d bytes of cards are kept, want at most %d, and not far less", bytes, at.cards.most)
	}
	if rendered(t, cardsOf(at, onShelf, []card{{Book: &b}})); at.cards.young[cardKey{kind: onShelf, book: b.ID}] == nil {
		t.Error("the card used last is not kept")
	}
}

// Readers at the same time, while the catalogue changes, get pages of the catalogue as it was
// or is, and afterwards only as it is.
func TestPagesFollowTheCatalogue(t *testing.T) {
	p, v, answer, own := shelfOfBooks(t)
	show := func() string {
		html, err := Render(front(p.front(v, answer, own)))
		if err != nil {
			t.Error(err)
		}
		return string(html)
	}
	first := show()
	var books []catalog.Book
	for id := range int64(200) {
		b, err := p.cfg.Catalog.Book(1000 + id)
		if err != nil {
			t.Fatal(err)
		}
		b.Price = "77.70"
		books = append(books, b)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 50 {
				show()
			}
		})
	}
	if err := p.cfg.Catalog.Replace(catalog.Contents{Version: "v1", Books: books}); err != nil { // of the same version, even
		t.Fatal(err)
	}
	changed := show()
	readers.Wait()
	fresh := *p
	var err error
	if fresh.links, err = newLinks(p.static, "", &p.cfg.Face, nil); err != nil {
		t.Fatal(err)
	}
	want := rendered(t, front(fresh.front(v, answer, own)))
	if changed != want || show() != want || first == want {
		t.Error("a page shows the catalogue as it was")
	}
}
