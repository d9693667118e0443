package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/api"
)

func TestAPIBook(t *testing.T) {
	s := newTestShop(t, fewBooks())
	got := decode[map[string]any](t, s.get("/api/v1/books/1").want(t, 200))
	want := map[string]any{
		"id": 1.0, "title": "The Hobbit", "author": "J.R.R. Tolkien", "year": 1937.0, "categories": []any{"fantasy", "classics"},
		"popularity": 1500.0, "series": "Middle-earth", "isbn": "9780261103283", "language": "en",
		"description": "In a hole in the ground\nthere lived a hobbit.", "price": "12.90", "currency": "EUR",
		"availability": "available",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("book 1 (-want +got):\n%s", diff)
	}
	for id := range int64(7) {
		s.get("/api/v1/books/"+strconv.FormatInt(id+1, 10)).want(t, 200)
	}
	s.get("/api/v1/books/999").want(t, 404, `"detail":"There is no such book."`)
	s.get("/api/v1/books/9223372036854775807").want(t, 404)
	for _, id := range []string{"x", "0", "-1", "1.5", "9223372036854775808", "%00", "%ff", "1%20", "１"} {
		s.get("/api/v1/books/"+id).want(t, 400, `"field":"id"`, "must be a whole number from 1 to 9223372036854775807")
	}
}

func TestAPIBookWithAllFields(t *testing.T) {
	contents := fewBooks()
	b := &contents.Books[0]
	b.Stock, b.BuyURL, b.Publisher, b.Format, b.Pages, b.SeriesNumber = new(int64(0)), "https://shop.example/1", "Quay Press", "Paperback", 310, "1"
	b.Contributors = []catalog.Contributor{{Name: "Alan Lee", Role: "illustrator"}, {Name: "Ida Field"}}
	contents.Books[1].Hidden = true
	s := newTestShop(t, contents)
	got := decode[map[string]any](t, s.get("/api/v1/books/1").want(t, 200))
	for field, want := range map[string]any{
		"availability": "unavailable", "stock": 0.0, "buy_url": "https://shop.example/1", "publisher": "Quay Press", "format": "Paperback", "pages": 310.0,
		"series_number": "1", "contributors": []any{map[string]any{"name": "Alan Lee", "role": "illustrator"}, map[string]any{"name": "Ida Field"}},
	} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	s.get("/api/v1/books/2").want(t, 200, `"hidden":true`)
	if list := decode[api.BookList](t, s.get("/api/v1/books").want(t, 200)); list.TotalSize != 5 || list.Books[0].ID != 3 {
		t.Errorf("the list has %+v", list)
	}
}

func TestAPIBooks(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for query, want := range map[string][]int64{
		"":                             {1, 2, 3, 4, 5, 6, 7},
		"?category=&q=&page_token=":    {1, 2, 3, 4, 5, 6, 7},
		"?category=poetry":             {4, 7},
		"?q=jane":                      {2, 3},
		"?q=jane&category=romance":     {2, 3},
		"?q=bronte":                    {2},
		"?q=xyzzy":                     {},
		"?page_size=2":                 {1, 2},
		"?page_size=100&category=none": nil,
	} {
		if want == nil {
			s.get("/api/v1/books"+query).want(t, 400)
			continue
		}
		list := decode[api.BookList](t, s.get("/api/v1/books"+query).want(t, 200))
		got := []int64{}
		for _, b := range list.Books {
			got = append(got, b.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("books%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestAPIBooksBadFields(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for query, text := range map[string]string{
		"q=%ff":                              `"field":"q","reason":"must be UTF-8"`,
		"q=" + strings.Repeat("%C3%BC", 201): `"field":"q","reason":"must have at most 200 characters"`,
		"page_size=0":                        `"field":"page_size","reason":"must be a whole number from 1 to 100"`,
		"page_size=101":                      `"field":"page_size"`,
		"page=2":                             `"field":"page"`,
	} {
		s.get("/api/v1/books?"+query).want(t, 400, text)
	}
	s.get("/api/v1/books?q="+strings.Repeat("%C3%BC", 200)).want(t, 200)
	s.get("/api/v1/books?q=x&category=x&page_size=x&page_token=x").want(t, 400, `"category"`, `"page_size"`, `"page_token"`)
}

// The pages of a query have every book exactly once.
func TestAPIBooksPages(t *testing.T) {
	s := newTestShop(t, manyBooks())
	for _, test := range []struct {
		values url.Values
		want   int
	}{
		{url.Values{}, 67},
		{url.Values{"q": {"saga"}}, 60},
		{url.Values{"category": {"history"}, "page_size": {"7"}}, 60},
		{url.Values{"q": {"saga"}, "category": {"history"}, "page_size": {"60"}}, 60},
	} {
		var ids []int64
		for range 100 {
			list := decode[api.BookList](t, s.get("/api/v1/books?"+test.values.Encode()).want(t, 200))
			if list.TotalSize != test.want {
				t.Errorf("%v: total_size %d, want %d", test.values, list.TotalSize, test.want)
			}
			for _, b := range list.Books {
				ids = append(ids, b.ID)
			}
			if list.NextPageToken == "" {
				break
			}
			test.values.Set("page_token", list.NextPageToken)
			test.values.Set("page_size", "9") // may change between pages
		}
		slices.Sort(ids)
		if n := len(slices.Compact(ids)); n != test.want || len(ids) != test.want {
			t.Errorf("%v: %d books, %d of them different, want %d", test.values, len(ids), n, test.want)
		}
	}
}

func TestAPIBooksPageToken(t *testing.T) {
	s := newTestShop(t, manyBooks())
	token := decode[api.BookList](t, s.get("/api/v1/books?q=saga").want(t, 200)).NextPageToken
	s.get("/api/v1/books?q=saga&page_token="+token).want(t, 200)
	for _, query := range []string{
		"page_token=" + token,
		"q=sag&page_token=" + token,
		"q=saga&category=history&page_token=" + token,
		"q=saga&page_token=" + token[:len(token)-1],
		"q=saga&page_token=" + token + "A",
		"q=saga&page_token=" + token + "%3D",
		"q=saga&page_token=x",
		"q=saga&page_token=%00%ff",
		"q=saga&page_token=24",
	} {
		s.get("/api/v1/books?"+query).want(t, 400, `"field":"page_token"`)
	}
	// A replica with the same key accepts the token, one with another key does not.
	newTestShop(t, manyBooks()).get("/api/v1/books?q=saga&page_token="+token).want(t, 200)
	newTestShop(t, manyBooks(), func(c *Config) { c.CookieKeys = signed.Keys{make([]byte, 32)} }).get("/api/v1/books?q=saga&page_token="+token).want(t, 400)
}

func TestAPICategories(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/api/v1/categories").want(t, 200, `{"categories":[{"slug":"classics","name":"Classics","count":4},{"slug":"comics"`)
	s.get("/api/v1/categories?x=1").want(t, 400, `"field":"x"`, "takes no parameters")
}
