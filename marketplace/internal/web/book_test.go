package web

import (
	"strings"
	"testing"
	"time"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

func TestBook(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/books/1").want(t, 200, `<h1 lang="en" dir="auto">The Hobbit</h1>`, "J.R.R. Tolkien", "€12.90", "1937", "1,500", "English", "9780261103283",
		"In a hole in the ground\nthere lived a hobbit.", "Middle-earth").without(t, away)
	golden(t, "book", page.body)
	s.get("/books/2").want(t, 200, "Readers also liked", "Emma").without(t, "ISBN", "class=\"price price-large\"")
	s.get("/books/3").want(t, 200, "CHF\u00a07.00")
	s.get("/books/4").want(t, 200, "700 BCE")
	s.get("/books/5").want(t, 200, "$9.99").without(t, "Readers also liked") // the only book of its category
	s.get("/books/7").want(t, 200, "Beowulf").without(t, "by <a")
}

// Only what readers of a book like is said to be liked by them.
func TestBookThatFewReadersLike(t *testing.T) {
	books := fewBooks()
	books.Books = append(books.Books, catalog.Book{ID: 8, Title: "Persuasion", Author: "Jane Austen", Categories: []string{"classics"}})
	s := newTestShop(t, books)
	s.recommender.source = recommend.Similar
	page := s.get("/books/3").want(t, 200, `<div data-source="similar">`, "More by Jane Austen", "Persuasion", "More in Classics", "The Hobbit").without(t, "Readers also liked")
	if strings.Count(page.body, `<span class="card-title"`) != 4 {
		t.Errorf("a book is shown twice, or beside itself:\n%s", page.body)
	}
	s.recommender.close = 2
	s.get("/books/3").want(t, 200, "Readers also liked", "More by Jane Austen", "More in Classics")
	s.get("/books/7").want(t, 200, "Readers also liked").without(t, "More by")
	s.recommender.source = recommend.Fallback
	s.get("/books/3").want(t, 200, "Bestsellers in Classics").without(t, "Readers also liked", "More by")
}

func TestBookFallback(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.source = recommend.Fallback
	s.get("/books/2").want(t, 200, "Bestsellers in Classics", "are away for a moment. Here are our bestsellers.").without(t, "Readers also liked")
}

// A title is shown as text, whatever it contains.
func TestBookEscapes(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/books/6", "/books", "/search?q=tom", "/categories/comics", "/books/6/cover.svg"} {
		s.get(path).want(t, 200, "Jerry").without(t, "<script>alert", "<b>&#34;Tom", `<b>"Tom`)
	}
}

// Screen readers pronounce a book's texts in its language, and punctuation stands on the
// side where that language has it.
func TestTextsOfABookHaveItsLanguage(t *testing.T) {
	books := fewBooks()
	books.Books = append(books.Books, catalog.Book{
		ID: 8, Title: "الخبز الحافي!", Author: "محمد شكري", Series: "سيرة", Description: "رواية.", Language: "ar", Categories: []string{"poetry"}, Popularity: 2000,
	})
	s := newTestShop(t, books)
	s.get("/books/8").want(t, 200, `<h1 lang="ar" dir="auto">الخبز`, `<p class="kicker" lang="ar" dir="auto">`, `<bdi lang="ar">محمد شكري</bdi>`, `<p class="description" lang="ar" dir="auto">`)
	for _, path := range []string{"/books", "/categories/poetry", "/search?q=محمد"} {
		s.get(path).want(t, 200, `<span class="card-title" lang="ar" dir="auto">الخبز`, `<p class="card-author" lang="ar" dir="auto">`)
	}
	s.get("/").want(t, 200, `<h2 lang="ar" dir="auto">`, `<p class="excerpt" lang="ar" dir="auto">`, `<p class="byline">by <bdi lang="ar">`)
}

func TestBookNotFound(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, id := range []string{"999", "0", "-1", "+1", "1.0", "x", "%00", "%ff", "9223372036854775807", "9223372036854775808", "１"} {
		s.get("/books/"+id).want(t, 404, "This page is not on our shelves", "There is no such book.")
		s.get("/books/"+id+"/cover.svg").want(t, 404)
	}
}

func TestBookPageWithAllFields(t *testing.T) {
	contents := fewBooks()
	b := &contents.Books[0]
	b.Price, b.Currency, b.BuyURL, b.Publisher, b.Format, b.Pages, b.SeriesNumber = "12.9", "EUR", "https://shop.example/?a=1&b=2", "Quay & Sons", "Paperback", 1310, "1"
	b.Contributors = []catalog.Contributor{{Name: "Ida Field"}, {Name: "Alan <Lee>", Role: "illustrator"}, {Name: "Ann Marsh", Role: "editor"}}
	b.Description = "First\nline.\n\nSecond."
	away := &contents.Books[1]
	away.Stock, away.BuyURL, away.Price, away.Currency = new(int64(0)), "https://shop.example/2", "5", "EUR"
	hidden := &contents.Books[2]
	hidden.Hidden, hidden.BuyURL = true, "https://shop.example/3"
	s := newTestShop(t, contents)
	page := s.get("/books/1").want(t, 200,
		"Middle-earth #1</a></p>", ">€12.90<", `<a class="buy-here" href="https://shop.example/?a=1&amp;b=2" rel="external nofollow noreferrer">Buy`,
		"<dt>Publisher</dt><dd>Quay &amp; Sons</dd>", "<dt>Format</dt><dd>Paperback</dd>", "<dt>Pages</dt><dd>1,310</dd>",
		`dir="auto">First`+"\nline.</p>", `dir="auto">Second.</p>`, ">Alan &lt;Lee&gt;</bdi></a> (illustrator), ", ">Ann Marsh</bdi></a> (editor)", "J.R.R. Tolkien</bdi></a>, ",
	)
	page.without(t, "Not available")
	s.get("/search?q=ida+field").want(t, 200, "The Hobbit")
	for _, id := range []string{"2", "3"} {
		s.get("/books/"+id).want(t, 200, "Not available").without(t, `class="buy-here"`)
	}
	for _, address := range []string{"/", "/books", "/search?q=jane"} {
		s.get(address).want(t, 200).without(t, `href="/books/2"`).without(t, `href="/books/3"`)
	}
}

// With the setting, lists show what cannot be bought, and say so; hidden books stay away.
func TestUnavailableBooksAreShown(t *testing.T) {
	contents := fewBooks()
	contents.Books[1].Availability, contents.Books[2].Hidden = catalog.Unavailable, true
	s := newTestShop(t, fewBooks(), func(c *Config) {
		c.Catalog = catalog.New(catalog.WithUnavailable())
		if err := c.Catalog.Replace(contents); err != nil {
			t.Fatal(err)
		}
	})
	s.get("/books").want(t, 200, `href="/books/2"`, "Not available").without(t, `href="/books/3"`)
}

func TestPagesShowPictures(t *testing.T) {
	covers, hash := newCovers(t)
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Covers = covers })
	for _, address := range []string{"/", "/books", "/books/1"} {
		s.get(address).want(t, 200, `src="/books/1/cover/`+hash+`-640.jpg" srcset="/books/1/cover/`+hash+`-160.jpg 160w, `)
	}
	found(t, s.get("/books/2"), `src="(/books/2/cover/[0-9a-f]{16}\.svg)"`)
}

// New books have a mark on their cards and on their pages, and the API says so.
func TestNewBooksAreMarked(t *testing.T) {
	t.Parallel()
	contents := fewBooks()
	contents.Books[0].Added = time.Date(2025, 11, 21, 10, 0, 0, 0, time.UTC)
	contents.Books[4].Added = contents.Books[0].Added.AddDate(0, 0, -31)
	books := catalog.New(catalog.WithNew(30 * 24 * time.Hour))
	if err := books.Replace(contents); err != nil {
		t.Fatal(err)
	}
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Catalog = books })
	const mark = `<p class="new">New</p>`
	if list := s.get("/books").want(t, 200, mark); strings.Count(list.body, mark) != 1 {
		t.Errorf("the list has %d marks, want 1", strings.Count(list.body, mark))
	}
	s.get("/books/1").want(t, 200, mark)
	s.get("/books/5").want(t, 200).without(t, mark)
	s.get("/api/v1/books/1").want(t, 200, `"added":"2025-11-21T10:00:00Z","new":true`)
	s.get("/api/v1/books/5").want(t, 200, `"added":"2025-10-21T10:00:00Z"`).without(t, `"new"`)
}
