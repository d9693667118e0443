package catalog

import (
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	c := open(t, shop())
	for text, want := range map[string]string{
		"tolk":        "books 1 12, authors J.R.R. Tolkien, series , categories ",
		"j. r. r. to": "books 1 12, authors J.R.R. Tolkien, series , categories ",
		"middle-e":    "books 1, authors , series Middle-earth, categories ",
		"lord ri":     "books 12, authors , series The Lord of the Rings, categories ",
		"science":     "books 6, authors , series , categories Science Fiction",
		"hobit":       "books 1, authors , series , categories ", // as List forgives it
		"brontë":      "books 2, authors Charlotte Brontë, series , categories ",
		"xyzzy":       "books , authors , series , categories ",
		"?!":          "books , authors , series , categories ",
		" ":           "books , authors , series , categories ",
	} {
		found := c.Suggest(text)
		var books, authors, series, categories []string
		for _, b := range found.Books {
			books = append(books, map[int64]string{1: "1", 2: "2", 6: "6", 12: "12"}[b.ID])
		}
		for _, name := range found.Authors {
			authors = append(authors, name.Text)
		}
		for _, name := range found.Series {
			series = append(series, name.Text)
		}
		for _, category := range found.Categories {
			categories = append(categories, category.Name)
		}
		got := "books " + strings.Join(books, " ") + ", authors " + strings.Join(authors, " ") + ", series " + strings.Join(series, " ") +
			", categories " + strings.Join(categories, " ")
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	many := open(t, many(500)).Suggest("a")
	if len(many.Books) != 5 || len(many.Authors) != 3 {
		t.Errorf("%d books and %d authors", len(many.Books), len(many.Authors))
	}
}
