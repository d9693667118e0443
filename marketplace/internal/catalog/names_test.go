package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	c := openMixed(t)
	want := []Name{{"ann-ode", "Ann Ode", 3}, {"bo-pratt", "Bo Pratt", 2}, {"cy", "Cy", 1}}
	if diff := cmp.Diff(want, c.Authors()); diff != "" {
		t.Errorf("authors (-want +got):\n%s", diff)
	}
	for key, want := range map[string]bool{"ann-ode": true, "Ann Ode": false, "": false} {
		if name, ok := c.Author(key); ok != want || ok && name.Text != "Ann Ode" {
			t.Errorf("Author(%q) = %+v, %v", key, name, ok)
		}
	}
	b, err := c.Book(4)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][]string{"ann-ode": {"illustrator"}, "bo-pratt": {""}, "cy": {""}, "nobody": nil} {
		if diff := cmp.Diff(want, b.RolesOf(key)); diff != "" {
			t.Errorf("parts of %s: %s", key, diff)
		}
	}
}

// A name that only books have which lists leave out is known, so that links to it lead somewhere.
func TestNamesOfUnlistedBooks(t *testing.T) {
	contents := shop()
	contents.Books[3].Hidden = true
	c := open(t, contents)
	name, ok := c.Author("victor-hugo")
	if !ok || name.Count != 0 || name.Text != "Victor Hugo" {
		t.Errorf("the author is %+v, %v", name, ok)
	}
	for _, name := range c.Authors() {
		if name.Count == 0 {
			t.Errorf("%+v is listed", name)
		}
	}
}

func TestFoldName(t *testing.T) {
	for name, want := range map[string]string{
		"J.R.R. Tolkien": "jrr-tolkien", "J. R. R. TOLKIEN": "jrr-tolkien", "J.R.R.Tolkien": "jrr-tolkien", "Jean-Paul Sartre": "jean-paul-sartre", "Charlotte Brontë": "charlotte-bronte", "村上 春樹": "村上-春樹",
		"Ursula K. Le Guin": "ursula-k-le-guin", "../../etc/passwd": "etc-passwd", "?!": "", "": "", "O’Brien, Flann": "o-brien-flann", "\xff": "",
	} {
		if got := FoldName(name); got != want || FoldName(got) != want {
			t.Errorf("FoldName(%q) = %q, want %q", name, got, want)
		}
	}
}

// The books of a series are in the order of their numbers, whichever way the catalogue has these.
func TestSeries(t *testing.T) {
	book := func(id int64, series, number string) Book {
		return Book{ID: id, Title: "Book", Categories: []string{"fiction"}, Popularity: id, Series: series, SeriesNumber: number}
	}
	c := open(t, Contents{Version: "v1", Books: []Book{
		book(1, "Dune", "10"), book(2, "Dune #2", ""), book(3, "DUNE, #2.5", ""), book(4, "Dune", ""), book(5, "Dune", "1-3"), book(6, "Dune", "prequel"),
		book(7, "Route #66 Stories", ""), book(8, "Other", "1"),
	}})
	name, ok := c.Series("dune")
	if want := (Name{"dune", "Dune", 6}); !ok || name != want {
		t.Errorf("Series is %+v, %v, want %+v", name, ok, want)
	}
	if diff := cmp.Diff([]int64{5, 2, 3, 1, 6, 4}, ids(c.List(Query{Series: "dune", Limit: 10}).Books)); diff != "" {
		t.Errorf("books of the series (-want +got):\n%s", diff)
	}
	if _, ok := c.Series("route-66-stories"); !ok || len(c.AllSeries()) != 3 {
		t.Errorf("all series are %+v", c.AllSeries())
	}
}
