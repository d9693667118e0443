package sample_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/sample"
)

// allCategories lists the categories of the shop.
func allCategories() []string {
	return []string{
		"fantasy", "science-fiction", "mystery-thriller", "romance", "horror", "historical-fiction", "classics",
		"young-adult", "children", "comics", "poetry", "biography-memoir", "history", "self-help",
		"religion-philosophy", "science-business", "fiction", "non-fiction",
	}
}

func load(t *testing.T) *domain.Library {
	t.Helper()
	lib, err := sample.Load()
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func TestCatalogue(t *testing.T) {
	lib := load(t)
	if len(lib.Books) < 720 {
		t.Errorf("%d books, want 720", len(lib.Books))
	}
	known := map[string]bool{}
	for _, slug := range allCategories() {
		known[slug] = true
	}
	mainly := map[string]int{}
	unavailable := 0
	idOf := map[string]int64{}
	for i, b := range lib.Books {
		if b.ID != int64(i+1) {
			t.Errorf("book %d is number %d: ids must be 1 to %d without gaps", b.ID, i+1, len(lib.Books))
		}
		name := strings.ToLower(b.Title + ", " + b.Author)
		if other, twice := idOf[name]; twice {
			t.Errorf("books %d and %d are both %s", other, b.ID, name)
		}
		idOf[name] = b.ID
		if b.Year == 0 || b.Year < -800 || b.Year > 2026 {
			t.Errorf("book %d, %s: the year is %d", b.ID, name, b.Year)
		}
		mainly[b.Categories[0]]++
		if !b.CanBeBought() {
			if unavailable++; mainly[b.Categories[0]] <= 20 {
				t.Errorf("book %d, %s, which everybody looks for, is unavailable", b.ID, name)
			}
		}
		for _, slug := range b.Categories {
			if !known[slug] {
				t.Errorf("book %d, %s: unknown category %s", b.ID, name, slug)
			}
		}
		if b.Language != "en" || b.Currency != "EUR" || b.ISBN != "" {
			t.Errorf("book %d, %s: only price and availability may be invented: %+v", b.ID, name, b)
		}
		if len(b.Price) < len("6.90") || len(b.Price) == len("6.90") && b.Price < "6.90" || len(b.Price) == len("24.90") && b.Price > "24.90" {
			t.Errorf("book %d, %s: the price is %s", b.ID, name, b.Price)
		}
	}
	if unavailable < 25 || unavailable > 50 {
		t.Errorf("%d books are unavailable, want about 3 %%", unavailable)
	}
	for _, slug := range allCategories() {
		if mainly[slug] < 40 {
			t.Errorf("%s is the main category of %d books, want 40", slug, mainly[slug])
		}
	}
}

// Every book has one sentence of its own that says what the book is about.
func TestDescriptions(t *testing.T) {
	holder := map[string]int64{}
	for _, b := range load(t).Books {
		text := b.Description
		if n := utf8.RuneCountInString(text); n < 40 || n > 220 {
			t.Errorf("book %d, %s: the description has %d characters, want 40 to 220", b.ID, b.Title, n)
		}
		if n := len(strings.Fields(text)); n < 12 || n > 30 {
			t.Errorf("book %d, %s: the description has %d words, want 12 to 30", b.ID, b.Title, n)
		}
		if !strings.HasSuffix(text, ".") {
			t.Errorf("book %d, %s: the description does not end with a full stop: %s", b.ID, b.Title, text)
		}
		if strings.HasPrefix(strings.ToLower(text), strings.ToLower(b.Title)) {
			t.Errorf("book %d: the description repeats the title: %s", b.ID, text)
		}
		if other, twice := holder[text]; twice {
			t.Errorf("books %d and %d have the same description", other, b.ID)
		}
		holder[text] = b.ID
	}
}

func TestSeriesNumbersAreUnique(t *testing.T) {
	holder := map[string]string{}
	for _, b := range load(t).Books {
		name, number, numbered := strings.Cut(b.Series, " #")
		if numbered && (name == "" || strings.Trim(number, "0123456789") != "" || number == "") {
			t.Errorf("%s: the series %q does not have the form Dune #1", b.Title, b.Series)
		}
		if numbered && holder[b.Series] != "" {
			t.Errorf("%s: both %s and %s", b.Series, holder[b.Series], b.Title)
		}
		holder[b.Series] = b.Title
	}
}

func TestRatings(t *testing.T) {
	lib := load(t)
	liked := map[int64]int64{}
	perReader := map[int64]int{}
	type pair struct{ user, book int64 }
	seen := map[pair]bool{}
	for _, r := range lib.Ratings {
		if p := (pair{r.UserID, r.BookID}); seen[p] {
			t.Errorf("reader %d rated book %d twice", r.UserID, r.BookID)
		} else {
			seen[p] = true
		}
		perReader[r.UserID]++
		if r.Stars >= domain.PositiveStars {
			liked[r.BookID]++
		}
	}
	if len(perReader) < 1000 {
		t.Errorf("%d readers, want at least 1000", len(perReader))
	}
	for id, n := range perReader {
		if n < 10 || n > 40 {
			t.Errorf("reader %d has %d ratings, want 10 to 40", id, n)
		}
	}
	for _, b := range lib.Books {
		if b.Popularity != liked[b.ID] {
			t.Errorf("book %d: popularity is %d, but %d readers like it", b.ID, b.Popularity, liked[b.ID])
		}
	}
}

func TestSampleLabelsSaySynthetic(t *testing.T) {
	lib := load(t)
	if len(lib.Samples) != 12 {
		t.Errorf("%d sample readers", len(lib.Samples))
	}
	for _, s := range lib.Samples {
		if !strings.HasPrefix(s.Label, "Synthetic reader ") || utf8.RuneCountInString(s.Label) > 60 {
			t.Errorf("label %q", s.Label)
		}
	}
}

func TestLoadReturnsACopy(t *testing.T) {
	first, second := load(t), load(t)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatal(diff)
	}
	if len(first.Version) != 12 {
		t.Errorf("version %q", first.Version)
	}
	first.Books[0].Categories[0] = "changed"
	first.Books[1].Title = "changed"
	if second.Books[0].Categories[0] == "changed" || second.Books[1].Title == "changed" {
		t.Error("two calls return the same books")
	}
}
