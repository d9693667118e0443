package catalog

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// open returns a catalogue with the given contents.
func open(tb testing.TB, contents Contents) *Catalog {
	tb.Helper()
	c := New()
	if err := c.Replace(contents); err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestEmptyCatalog(t *testing.T) {
	c := New()
	if c.Ready() || c.Version() != "" || c.HasCategory("fantasy") {
		t.Error("a new catalogue claims to have contents")
	}
	if _, err := c.Book(1); !errors.Is(err, ErrBookNotFound) {
		t.Errorf("Book: %v, want ErrBookNotFound", err)
	}
	for _, q := range []Query{{Limit: 10}, {Text: "x", Limit: 10}, {Category: "fantasy", Limit: 10}} {
		if page := c.List(q); page.Total != 0 || len(page.Books) != 0 {
			t.Errorf("List(%+v) = %+v, want nothing", q, page)
		}
	}
	if n := len(c.Categories()) + len(c.Samples()) + len(c.Bestsellers("", 5)); n != 0 {
		t.Errorf("an empty catalogue returns %d values", n)
	}
}

func TestReplace(t *testing.T) {
	contents := shop()
	c := open(t, contents)
	if !c.Ready() || c.Version() != "v1" {
		t.Errorf("Ready %v, Version %q", c.Ready(), c.Version())
	}
	contents.Books[0].Title = "changed by the caller"
	contents.Books[0].Categories[0] = "changed-too"
	book, err := c.Book(1)
	if err != nil || book.Title != "The Hobbit" || book.Categories[0] != "fantasy" {
		t.Errorf("the caller's changes show in the catalogue: %+v, %v", book, err)
	}
	if got := c.Samples(); len(got) != 1 || got[0].ID != 7 {
		t.Errorf("Samples() = %+v", got)
	}
	for id, want := range map[int64]bool{7: true, 8: false} {
		if got, ok := c.Sample(id); ok != want || ok && got.ID != id {
			t.Errorf("Sample(%d) = %+v, %v", id, got, ok)
		}
	}
}

func TestBestsellers(t *testing.T) {
	c := open(t, shop())
	for _, test := range []struct {
		category string
		n        int
		want     []int64
	}{
		{"", 4, []int64{9, 8, 1, 12}}, // 1 and 12 are equally popular: by id
		{"fantasy", 10, []int64{1, 12}},
		{"classics", 2, []int64{1, 2}},
		{"unknown", 3, []int64{}},
		{"", 0, []int64{}},
		{"", -1, []int64{}},
	} {
		if diff := cmp.Diff(test.want, ids(c.Bestsellers(test.category, test.n))); diff != "" {
			t.Errorf("Bestsellers(%q, %d) (-want +got):\n%s", test.category, test.n, diff)
		}
	}
}

func TestCategories(t *testing.T) {
	c := open(t, shop())
	want := []Category{
		{"classics", "Classics", 5}, {"fantasy", "Fantasy", 2}, {"fiction", "Fiction", 1}, {"horror", "Horror", 1},
		{"mystery-thriller", "Mystery & Thriller", 3}, {"poetry", "Poetry", 1}, {"romance", "Romance", 1},
		{"science-fiction", "Science Fiction", 1},
	}
	if diff := cmp.Diff(want, c.Categories()); diff != "" {
		t.Errorf("Categories() (-want +got):\n%s", diff)
	}
	largest := []string{"classics", "mystery-thriller", "fantasy", "fiction", "horror", "poetry", "romance", "science-fiction"}
	if len(c.Largest()) != len(largest) {
		t.Errorf("Largest() has %d categories, want %d", len(c.Largest()), len(largest))
	}
	for i, category := range c.Largest() {
		if category.Slug != largest[i] {
			t.Errorf("Largest()[%d] is %s, want %s", i, category.Slug, largest[i])
		}
	}
	if !c.HasCategory("poetry") || c.HasCategory("") || c.HasCategory("Poetry") {
		t.Error("HasCategory does not agree with Categories")
	}
	if got := CategoryName("true-crime"); got != "True Crime" {
		t.Errorf("CategoryName of an unknown slug = %q", got)
	}
}

// A caller sees one version or the other, never a mixture.
func TestReplaceWhileRead(t *testing.T) {
	small, large := shop(), many(50)
	c := open(t, small)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range 50 {
				if err := c.Replace([]Contents{small, large}[i%2]); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 500 {
				if total := c.List(Query{Limit: 3}).Total; total != len(small.Books) && total != len(large.Books) {
					t.Errorf("%d books in the list", total)
				}
				c.List(Query{Text: "the", Limit: 3})
			}
		})
	}
	wg.Wait()
}

func TestUnavailableAndHiddenBooksLeaveLists(t *testing.T) {
	contents := shop()
	contents.Books[1].Availability = Unavailable                                       // 2, classics
	contents.Books[5].Stock = new(int64(0))                                            // 6, alone in science-fiction
	contents.Books[11].Hidden = true                                                   // 12, by Tolkien with other spaces
	contents.Books[6].Hidden = true                                                    // 7, alone in horror
	contents.Books[8].Stock = new(int64(3))                                            // 9 can be bought
	contents.Books[7].Stock, contents.Books[7].Availability = new(int64(0)), Available // 8 too
	for _, test := range []struct {
		c      *Catalog
		away   []int64
		search map[string]int
	}{
		{New(), []int64{2, 6, 7, 12}, map[string]int{"jane eyre": 0, "handmaid": 0, "fellowship": 0, "hobbit": 1}},
		{New(WithUnavailable()), []int64{7, 12}, map[string]int{"jane eyre": 1, "handmaid": 1, "fellowship": 0, "hobbit": 1}},
	} {
		if err := test.c.Replace(contents); err != nil {
			t.Fatal(err)
		}
		all := test.c.List(Query{Limit: 100})
		if all.Total != len(contents.Books)-len(test.away) || len(all.Books) != all.Total {
			t.Errorf("%d books of %d, without %v", len(all.Books), all.Total, test.away)
		}
		if !slices.IsSortedFunc(all.Books, func(a, b *Book) int { return byPopularity(*a, *b) }) {
			t.Errorf("the order is %v", ids(all.Books))
		}
		for _, b := range contents.Books {
			away := slices.Contains(test.away, b.ID)
			if test.c.Unlisted(b.ID) != away || slices.Contains(ids(all.Books), b.ID) == away {
				t.Errorf("book %d: away %v, want %v", b.ID, !away, away)
			}
			inCategory := slices.Contains(ids(test.c.Bestsellers(b.Categories[0], 100)), b.ID)
			byAuthor := slices.Contains(ids(test.c.List(Query{Author: FoldName(b.Author), Limit: 100}).Books), b.ID)
			if inCategory == away || byAuthor == away {
				t.Errorf("book %d: in its category %v, by its author %v, away %v", b.ID, inCategory, byAuthor, away)
			}
			if got, err := test.c.Book(b.ID); err != nil || got.ID != b.ID {
				t.Errorf("book %d: %v", b.ID, err)
			}
			if !test.c.HasCategory(b.Categories[0]) {
				t.Errorf("the shop does not know category %s", b.Categories[0])
			}
		}
		for text, n := range test.search {
			if got := test.c.List(Query{Text: text, Limit: 10}); got.Total != n {
				t.Errorf("search %q: %d books, want %d", text, got.Total, n)
			}
		}
		for _, category := range test.c.Categories() {
			if category.Slug == "horror" || category.Count != len(test.c.Bestsellers(category.Slug, 100)) {
				t.Errorf("category %+v", category)
			}
		}
	}
	if New().Unlisted(12345) {
		t.Error("an unknown book is unlisted")
	}
}

func TestNewBooks(t *testing.T) {
	contents := shop()
	newest := time.Date(2025, 11, 21, 10, 0, 0, 0, time.UTC)
	for i, before := range []time.Duration{0, time.Hour, 48 * time.Hour, 48*time.Hour + time.Second} {
		contents.Books[i].Added = newest.Add(-before)
	}
	for days, want := range map[int][]int64{0: nil, 1: {1, 2}, 2: {1, 2, 3}, 3: {1, 2, 3, 4}} {
		c := New(WithNew(time.Duration(days) * 24 * time.Hour))
		if err := c.Replace(contents); err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, b := range contents.Books {
			if b, err := c.Book(b.ID); err == nil && b.New {
				got = append(got, b.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d days: %v are new, want %v", days, got, want)
		}
	}
}
