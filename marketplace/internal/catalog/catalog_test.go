package catalog

import (
	"errors"
	"sync"
	"testing"

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
