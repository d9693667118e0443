package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSearch(t *testing.T) {
	c := open(t, shop())
	for _, test := range []struct {
		text string
		want []int64
	}{
		{"hobbit", []int64{1}},
		{"HOBBIT", []int64{1}},
		{"the hob", []int64{1}},
		{"Bronte", []int64{2}},
		{"brontë", []int64{2}},
		{"Bronte\u0308", []int64{2}}, // combining accent
		{"garcia marquez", []int64{3}},
		{"marquez solitude", []int64{3}},
		{"les mis", []int64{4}},
		{"catch 22", []int64{5}},
		{"catch22", []int64{5}},
		{"Catch-22", []int64{5}},
		{"catch—22", []int64{5}},
		{"handmaids tale", []int64{6}},
		{"handmaid's", []int64{6}},
		{"handmaid", []int64{6}},
		{"jrr tolkien", []int64{1, 12}},
		{"j r r tolkien", []int64{1, 12}},
		{"J.R.R. Tolkien", []int64{1, 12}},
		{"J.R.R.Tolkien", []int64{1, 12}},
		{"tolkien jrr", []int64{1, 12}},
		{"hoeg", []int64{10}},
		{"strasse", []int64{13}},
		{"gross", []int64{13}},
		{"straße traume", []int64{13}},
		{"lord of the rings", []int64{12}},
		{"middle earth", []int64{1}},

		// Exact title, then title with that prefix, then title with that word, whatever their popularity.
		{"it", []int64{7, 8, 9}},
		// A match in the title comes before a more popular author.
		{"king", []int64{11, 7}},

		{"hobbit rowling", []int64{}},
		{"xyzzy", []int64{}},
		{"?!", []int64{}},
		{"🙂", []int64{}},
		{"\xff\xfe", []int64{}},
		{"\x00", []int64{}},
	} {
		if diff := cmp.Diff(test.want, ids(c.List(Query{Text: test.text, Limit: 100}).Books)); diff != "" {
			t.Errorf("search for %q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestSearchInCategory(t *testing.T) {
	c := open(t, shop())
	page := c.List(Query{Text: "it", Category: "mystery-thriller", Limit: 10})
	if diff := cmp.Diff([]int64{9}, ids(page.Books)); diff != "" || page.Total != 1 {
		t.Errorf("total %d (-want +got):\n%s", page.Total, diff)
	}
}

func TestListPages(t *testing.T) {
	c := open(t, many(103))
	for name, q := range map[string]Query{"all": {}, "category": {Category: "category-3"}, "text": {Text: "the"}} {
		q.Limit = 1000
		whole := c.List(q)
		var got []int64
		q.Limit = 10
		for q.Offset = 0; q.Offset < whole.Total; q.Offset += q.Limit {
			got = append(got, ids(c.List(q).Books)...)
		}
		if diff := cmp.Diff(ids(whole.Books), got); diff != "" || len(got) == 0 {
			t.Errorf("%s: pages differ from the whole (-want +got):\n%s", name, diff)
		}
		const far = int(^uint(0) >> 1)
		for _, q := range []Query{{Offset: far, Limit: far}, {Offset: -far, Limit: -far}, {Offset: 1, Limit: far}} {
			if total := c.List(q).Total; total != 103 {
				t.Errorf("List(%+v): total %d", q, total)
			}
		}
	}
}

// Any text is accepted, and no book is found twice.
func FuzzSearch(f *testing.F) {
	for _, text := range []string{"", "the hobbit", "J.R.R.", "\xff", "İstanbul", "ﬁ", strings.Repeat("a ", 300), "a\u0301\u0302"} {
		f.Add(text)
	}
	c := open(f, shop())
	f.Fuzz(func(t *testing.T, text string) {
		page := c.List(Query{Text: text, Limit: 1000})
		if page.Total != len(page.Books) {
			t.Fatalf("total %d, %d books", page.Total, len(page.Books))
		}
		found := ids(page.Books)
		slices.Sort(found)
		if len(slices.Compact(found)) != page.Total {
			t.Fatalf("a book is found twice for %q", text)
		}
	})
}

// Every book is the first result for its own title.
func TestSearchFindsEveryTitle(t *testing.T) {
	c := open(t, many(500))
	for _, b := range many(500).Books {
		page := c.List(Query{Text: b.Title, Limit: 1})
		if page.Total == 0 || page.Books[0].Title != b.Title {
			t.Errorf("%q finds %+v", b.Title, page)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	c := open(b, many(10_000))
	for _, text := range []string{"the", "t", "the kalo", "the of ka lo mi", "ab", strings.Repeat("t h e ", 30)} {
		b.Run(text[:min(len(text), 12)], func(b *testing.B) {
			for b.Loop() {
				c.List(Query{Text: text, Limit: 20})
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	contents := many(10_000)
	c := New()
	for b.Loop() {
		if err := c.Replace(contents); err != nil {
			b.Fatal(err)
		}
	}
}
