package catalog

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	difference "github.com/google/go-cmp/cmp"
)

// mixed returns a catalogue with every kind of book for filters, some of them not for sale.
func mixed() Contents {
	zero := int64(0)
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	return Contents{Version: "v1", Books: []Book{
		{ID: 1, Title: "The Zebra", Author: "Ann Ode", Year: 1990, Language: "en", Price: "10", Currency: "EUR", Popularity: 9},
		{ID: 2, Title: "An Apple", Author: "Bo Pratt", Year: -400, Language: "de", Price: "9.5", Currency: "EUR", Popularity: 8, Stock: &zero, Added: day(2)},
		{ID: 3, Title: "Mangos", Author: "Ann Öde", Year: 2001, Language: "en", Price: "1", Currency: "USD", Popularity: 7},
		{ID: 4, Title: "Éclairs", Author: "Bo Pratt", Language: "de", Popularity: 6, Added: day(3), Contributors: []Contributor{{"ann ode", "illustrator"}, {"Cy", ""}}},
		{ID: 5, Title: "Figs", Year: 2001, Price: "9.4999", Currency: "EUR", Popularity: 5},
	}}
}

func openMixed(tb testing.TB) *Catalog {
	tb.Helper()
	contents := mixed()
	for i := range contents.Books {
		contents.Books[i].Categories = []string{[]string{"poetry", "history"}[i%2]}
	}
	c := New(WithUnavailable())
	if err := c.Replace(contents); err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestFilterAndSort(t *testing.T) {
	c := openMixed(t)
	for _, test := range []struct {
		name  string
		query Query
		want  []int64
	}{
		{"all", Query{}, []int64{1, 2, 3, 4, 5}},
		{"popular", Query{Sort: ByPopularity}, []int64{1, 2, 3, 4, 5}},
		{"the latest first, those of which nobody knows when they came last", Query{Sort: ByAdded}, []int64{4, 2, 1, 3, 5}},
		{"by price, within the currency of most", Query{Sort: ByPrice}, []int64{5, 2, 1, 3, 4}},
		{"by title, without article and accents", Query{Sort: ByTitle}, []int64{2, 4, 5, 3, 1}},
		{"language", Query{Filter: Filter{Language: "de"}}, []int64{2, 4}},
		{"available", Query{Filter: Filter{Available: true}}, []int64{1, 3, 4, 5}},
		{"from a price", Query{Filter: Filter{PriceFrom: "9.5"}}, []int64{1, 2}},
		{"to a price", Query{Filter: Filter{PriceTo: "9.50"}}, []int64{2, 5}},
		{"to nothing", Query{Filter: Filter{PriceTo: "0"}}, []int64{}},
		{"from nothing, which books without a price have not", Query{Filter: Filter{PriceFrom: "0"}}, []int64{1, 2, 5}},
		{"the wrong way round", Query{Filter: Filter{PriceFrom: "11", PriceTo: "9"}}, []int64{}},
		{"from a year", Query{Filter: Filter{YearFrom: 1990}}, []int64{1, 3, 5}},
		{"to a year, from before the common era", Query{Filter: Filter{YearTo: 1990}}, []int64{1, 2}},
		{"between years", Query{Filter: Filter{YearFrom: -500, YearTo: -300}}, []int64{2}},
		{"several, and sorted", Query{Filter: Filter{Language: "en", YearFrom: 1900}, Sort: ByTitle}, []int64{3, 1}},
		{"in a category", Query{Category: "poetry", Sort: ByPrice}, []int64{5, 1, 3}},
		{"of a text", Query{Text: "bo", Sort: ByTitle, Filter: Filter{Language: "de"}}, []int64{2, 4}},
		{"of an author in every part", Query{Author: "ann-ode"}, []int64{1, 3, 4}},
		{"of an author in a category", Query{Author: "ann-ode", Category: "history", Sort: ByTitle}, []int64{4}},
		{"of nobody", Query{Author: "nobody", Sort: ByTitle}, []int64{}},
	} {
		test.query.Limit = 100
		page := c.List(test.query)
		if diff := difference.Diff(test.want, ids(page.Books)); diff != "" || page.Total != len(test.want) {
			t.Errorf("%s: total %d (-want +got):\n%s", test.name, page.Total, diff)
		}
	}
	want := Facets{Languages: []Language{{"de", 2}, {"en", 2}}, Currency: "EUR", Years: true, Added: true, Unavailable: true}
	if diff := difference.Diff(want, c.Facets()); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
}

// Whatever is asked, a list has the books that the filter keeps, each once, in order, and its
// pages are those of the whole.
func TestFilterAndSortAgreeWithAComparison(t *testing.T) {
	contents := many(300)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range contents.Books {
		b := &contents.Books[i]
		b.Year, b.Language = rng.IntN(6), []string{"", "de", "en"}[rng.IntN(3)]
		if rng.IntN(3) > 0 {
			b.Price, b.Currency = strconv.Itoa(rng.IntN(5))+".5", "EUR"
		}
	}
	c := open(t, contents)
	books := c.List(Query{Limit: 1000}).Books
	for range 400 {
		f := Filter{Language: []string{"", "de"}[rng.IntN(2)], YearFrom: rng.IntN(4), YearTo: rng.IntN(6), PriceFrom: []string{"", "1", "2.5"}[rng.IntN(3)]}
		q := Query{Category: []string{"", "category-3"}[rng.IntN(2)], Text: []string{"", "the"}[rng.IntN(2)], Filter: f, Limit: 7}
		q.Sort = []Sort{ByPopularity, ByPrice, ByTitle}[rng.IntN(3)]
		var want []*Book
		for _, b := range books {
			if (q.Category == "" || slices.Contains(b.Categories, q.Category)) && (f.Language == "" || b.Language == f.Language) &&
				(f.YearFrom == 0 || b.Year >= f.YearFrom && b.Year != 0) && (f.YearTo == 0 || b.Year <= f.YearTo && b.Year != 0) &&
				(f.PriceFrom == "" || b.Price != "" && amountOf(b.Price) >= amountOf(f.PriceFrom)) {
				want = append(want, b)
			}
		}
		slices.SortStableFunc(want, func(a, b *Book) int {
			switch q.Sort {
			case ByPrice:
				return cmp.Or(-cmp.Compare(a.Currency, b.Currency), cmp.Compare(amountOf(a.Price), amountOf(b.Price)))
			case ByTitle:
				return strings.Compare(compact(withoutArticle(terms(a.Title))), compact(withoutArticle(terms(b.Title))))
			default:
				return 0
			}
		})
		var got []int64
		for ; q.Offset == 0 || q.Offset < len(want); q.Offset += q.Limit {
			page := c.List(q)
			if got = append(got, ids(page.Books)...); page.Total != len(want) {
				t.Fatalf("%+v: total %d, want %d", q, page.Total, len(want))
			}
		}
		if !slices.Equal(got, ids(want)) {
			t.Fatalf("%+v: %v, want %v", q, got, ids(want))
		}
	}
}

func TestAmount(t *testing.T) {
	for price, want := range map[string]amount{"": noAmount, "0": 0, "7": 70_000, "12.90": 129_000, "0.0001": 1, "999999999.9999": 9_999_999_999_999} {
		if got := amountOf(price); got != want {
			t.Errorf("%q is %d, want %d", price, got, want)
		}
	}
}
