package goodbooks

import (
	"io"
	"iter"
	"regexp"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// Books reads the set's books.csv, one row at a time. The books have no
// categories yet; those come from [Shelves] or [Tags]. Popularity is the number
// of ratings on Goodreads. A faulty row yields a *bookcsv.RowError, after which
// the next row can be read; any other error is the last value.
func Books(name string, source io.Reader) iter.Seq2[domain.Book, error] {
	return rows(name, source, []string{
		"book_id", "title", "authors", "original_publication_year", "language_code", "isbn", "ratings_count",
	}, parseBook)
}

func parseBook(t *table) (domain.Book, error) {
	id, err := t.count("book_id", 1)
	if err != nil {
		return domain.Book{}, err
	}
	year, err := t.number("original_publication_year")
	if err != nil {
		return domain.Book{}, err
	}
	ratings, err := t.count("ratings_count", 0)
	if err != nil {
		return domain.Book{}, err
	}
	title, series := splitTitle(t.text("title"))
	author, _, _ := strings.Cut(t.text("authors"), ",")
	return checkBook(t, domain.Book{
		ID: id, Title: title, Series: series, Author: strings.Join(strings.Fields(author), " "), Year: int(year),
		ISBN: isbn(t.text("isbn")), Language: language(t.text("language_code")), Popularity: ratings,
	})
}

// checkBook refuses a book that a books.csv of the project cannot hold. It only
// clears a malformed ISBN or language, because the set contains some.
func checkBook(t *table, b domain.Book) (domain.Book, error) {
	columns := map[string]string{ // the set's column for each of the project's
		"book_id": "book_id", "title": "title", "series": "title", "author": "authors",
		"year": "original_publication_year", "popularity": "ratings_count",
	}
	for {
		complete := b
		complete.Categories = []string{"fiction"} // a placeholder: the book gets its categories later
		switch column, reason := bookcsv.CheckBook(complete); column {
		case "":
			return b, nil
		case "isbn":
			b.ISBN = ""
		case "language":
			b.Language = ""
		default:
			return domain.Book{}, t.fault(columns[column], reason)
		}
	}
}

// seriesSuffix matches the series after a title, as in "Emma (A Series, #3)".
var seriesSuffix = regexp.MustCompile(`^(.*\S)\s*\(([^()]*\S)\s*,?\s*#([^()#]+)\)$`)

func splitTitle(full string) (title, series string) {
	full = strings.Join(strings.Fields(full), " ")
	m := seriesSuffix.FindStringSubmatch(full)
	if m == nil {
		return full, ""
	}
	return m[1], strings.Trim(m[2], ", ") + " #" + strings.TrimSpace(m[3])
}

// isbn restores the leading zeros that are missing in the set.
func isbn(cell string) string {
	if cell == "" || len(cell) > 10 {
		return ""
	}
	return strings.Repeat("0", 10-len(cell)) + cell
}

// language converts a language code of the set, most of which have three
// letters, to BCP 47.
func language(code string) string {
	tags := map[string]string{
		"eng": "en", "spa": "es", "fre": "fr", "ger": "de", "ita": "it", "por": "pt", "rus": "ru", "jpn": "ja", "ara": "ar",
		"dan": "da", "nor": "no", "swe": "sv", "vie": "vi", "per": "fa", "ind": "id", "tur": "tr", "pol": "pl", "rum": "ro",
		"mul": "", // several languages
	}
	if tag, ok := tags[code]; ok {
		return tag
	}
	return code
}
