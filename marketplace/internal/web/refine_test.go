package web

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/api"
)

var cardTitle = regexp.MustCompile(`class="card-title"[^>]*>([^<]*)<`)

// cards returns the titles of the books in the list of a page, which comes last.
func (a answer) cards() (titles []string) {
	_, list, _ := strings.Cut(a.body, `class="grid"`)
	for _, found := range cardTitle.FindAllStringSubmatch(list, -1) {
		titles = append(titles, html.UnescapeString(found[1]))
	}
	return titles
}

// priced is fewBooks with prices and languages of most.
func priced() catalog.Contents {
	c := fewBooks()
	for i, price := range []string{"12.90", "8", "7", "20"} {
		c.Books[i].Price, c.Books[i].Currency = price, "EUR"
	}
	c.Books[3].Language = "de"
	c.Books[4].Added = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	return c
}

// A list is sorted and filtered by its address, and says how.
func TestRefinedLists(t *testing.T) {
	s := newTestShop(t, priced(), at(t, "https://shop.example/shop"))
	const tom = `<b>"Tom" & 'Jerry'</b>`
	for path, want := range map[string]struct {
		titles string
		says   []string
	}{
		"/books?sort=title":                                         {"Beowulf|Dune|Emma|The Hobbit|Jane Eyre|The Odyssey", []string{"by title", `<option value="title" selected>`}},
		"/books?sort=price&price_from=1":                            {"Emma|Jane Eyre|The Hobbit|The Odyssey", []string{"4 books, cheapest first", "From €1.00", `value="1"`}},
		"/books?sort=new&year_from=1900":                            {"Dune|The Hobbit", []string{"newest in the shop first", `<option value="new" selected>`}},
		"/books?price_from=7.5&price_to=12.9":                       {"The Hobbit|Jane Eyre", []string{"€7.50 to €12.90", "2 books, most loved first"}},
		"/books?language=de":                                        {"The Odyssey", []string{"1 book", ">German <", `<option value="de" selected>`}},
		"/books?category=romance&sort=title":                        {"Emma|Jane Eyre", []string{`<option value="romance" selected>`, `href="/shop/books?sort=title"`}},
		"/books?year_to=1847":                                       {"Jane Eyre|Emma|The Odyssey", []string{"Up to 1847"}},
		"/books?year_from=-800&year_to=-600":                        {"The Odyssey", []string{"800 BCE to 600 BCE"}},
		"/categories/classics?price_to=8":                           {"Jane Eyre|Emma", []string{"2 books", `href="/shop/categories/classics"`}},
		"/categories/classics?sort=price":                           {"Emma|Jane Eyre|The Hobbit|The Odyssey", nil},
		"/search?q=jane&sort=price":                                 {"Emma|Jane Eyre", []string{"2 books for “jane”", `name="q" value="jane"`}},
		"/search?q=jane&sort=popular":                               {"Jane Eyre|Emma", nil},
		"/search?q=jane":                                            {"Jane Eyre|Emma", nil},
		"/search?q=jane&category=romance&price_to=7&year_from=1800": {"Emma", []string{"Remove all filters", `href="/shop/search?q=jane"`, `href="/shop/search?price_to=7&amp;q=jane&amp;year_from=1800"`}},

		// What is wrong is as if it were missing.
		"/categories/poetry?sort=x&language=xx&available=maybe&price_from=,5&price_to=-1&year_from=0&year_to=1e3&category=no": {"The Odyssey|Beowulf", []string{
			"2 books, most loved first", "These filters could not be understood, and are left out:", "sort by “<bdi>x</bdi>”", "language “<bdi>xx</bdi>”", "available “<bdi>maybe</bdi>”",
			"price from “<bdi>,5</bdi>”", "price to “<bdi>-1</bdi>”", "year from “<bdi>0</bdi>”", "year to “<bdi>1e3</bdi>”",
		}},
		"/books?category=no&year_to=1847":     {"Jane Eyre|Emma|The Odyssey", []string{"category “<bdi>no</bdi>”"}},
		"/search?q=jane&price_to=%3Cb%3E":     {"Jane Eyre|Emma", []string{"price to “<bdi>&lt;b&gt;</bdi>”"}},
		"/categories/poetry?category=romance": {"The Odyssey|Beowulf", nil}, // the address has one
	} {
		page := s.get(path).want(t, 200, want.says...)
		titles := slices.DeleteFunc(page.cards(), func(title string) bool { return title == tom })
		if got := strings.Join(titles, "|"); got != want.titles {
			t.Errorf("%s lists %s, want %s", path, got, want.titles)
		}
		if strings.Contains(page.body, `rel="canonical"`) {
			list, query, _ := strings.Cut(path, "?")
			page.want(t, 200, `<link rel="canonical" href="https://shop.example/shop`+list+`">`)
			filtered := query != "sort=title" && query != "sort=price" && len(want.says) > 0 && !strings.Contains(query, "sort=x")
			if strings.Contains(page.body, "noindex") != filtered {
				t.Errorf("%s: noindex, want %v", path, filtered)
			}
		}
	}
	s.get("/books?sort=title&utm=1&page=x").want(t, 200).without(t, `name="available"`, "left out") // all can be bought
}

// The pages of a list keep what it is sorted and filtered by.
func TestRefinedPages(t *testing.T) {
	s := newTestShop(t, manyBooks())
	s.get("/books?sort=title&category=history&page=2").want(t, 200, "60 books, by title · page 2 of 3",
		`href="/books?category=history&amp;sort=title" rel="prev"`, `href="/books?category=history&amp;page=3&amp;sort=title" rel="next"`, `name="sort"`)
	s.get("/categories/history?year_from=1900").want(t, 200, "0 books", "No book passes all of the filters", `<a href="/categories/history">drop “From 1900”</a> and see 60 books`)
	s.get("/books?year_from=1900&category=history&sort=title").want(t, 200, `<a href="/books?sort=title&amp;year_from=1900">drop “History”</a> and see 2 books`,
		`<a href="/books?category=history&amp;sort=title">drop “From 1900”</a> and see 60 books`, `<a href="/books?sort=title">drop all filters</a> and see 67 books`)
	s.get("/search?q=xyzzy&year_from=1900").want(t, 200, "check the spelling").without(t, "drop") // no filter is to blame
}

// Where lists have books that cannot be bought, they can be left out.
func TestOnlyBooksThatCanBeBought(t *testing.T) {
	contents := fewBooks()
	contents.Books[0].Availability = catalog.Unavailable
	s := newTestShop(t, contents, func(c *Config) {
		c.Catalog = catalog.New(catalog.WithUnavailable())
		if err := c.Catalog.Replace(contents); err != nil {
			t.Fatal(err)
		}
	})
	s.get("/books").want(t, 200, "7 books", "The Hobbit", `name="available" value="true"> Only books`)
	s.get("/books?available=true").want(t, 200, "6 books", `name="available" value="true" checked>`, ">Available <").without(t, "The Hobbit")
}

// The API sorts and filters as the pages do, and refuses what is wrong.
func TestRefinedAPI(t *testing.T) {
	s := newTestShop(t, priced())
	for query, want := range map[string][]int64{
		"sort=title&category=classics":        {3, 1, 2, 4},
		"sort=price&price_from=0&page_size=2": {3, 2},
		"sort=match&language=de":              {4},
		"sort=new&page_size=2":                {5, 1},
		"available=true&price_to=7":           {3},
		"available=false&year_from=1900":      {1, 5},
		"q=jane&sort=price&year_to=1840":      {3},
	} {
		list := decode[api.BookList](t, s.get("/api/v1/books?"+query).want(t, 200))
		var got []int64
		for _, b := range list.Books {
			got = append(got, b.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"sort=x":         "must be one of match, popular, new, price, title",
		"language=xx":    "must be one of de, en",
		"available=1":    "must be one of false, true",
		"price_from=1,5": "must be a decimal with a point",
		"price_to=-1":    "must be a decimal with a point",
		"year_from=0":    "must be a year from -9999 to 9999, and not 0",
		"year_to=x":      "must be a year from -9999 to 9999, and not 0",
	} {
		field, _, _ := strings.Cut(query, "=")
		s.get("/api/v1/books?"+query).want(t, 400, `"field":"`+field+`"`, want)
	}
	newTestShop(t, manyBooks()).get("/api/v1/books?language=de").want(t, 400, "must be one of en")
	first := decode[api.BookList](t, s.get("/api/v1/books?sort=title&page_size=2").want(t, 200))
	token := url.QueryEscape(first.NextPageToken)
	s.get("/api/v1/books?sort=title&page_size=2&page_token="+token).want(t, 200, `"title":"Emma"`)
	for _, other := range []string{"", "sort=price&", "sort=title&language=de&"} {
		s.get("/api/v1/books?"+other+"page_token="+token).want(t, 400, "must be the next_page_token of a request with the same parameters")
	}
}
