package goodbooks

import (
	"io"
	"iter"
	"regexp"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// Books reads books.csv of the set, a row at a time. The books have no
// categories yet; those come from [Shelves] or [Tags]. Popularity is the number of
// ratings on Goodreads. A faulty row gives a *bookcsv.RowError, after which the
// next can be read; any other error is the last.
func Books(name string, source io.Reader) iter.Seq2[domain.Book, error] {
	return rows(name, source, newBookReader)
}

type bookReader struct {
	*table
	id, title, authors, year, language, isbn, ratings int
}

func newBookReader(name string, source io.Reader) (*bookReader, error) {
	t, err := newTable(name, source)
	if err != nil {
		return nil, err
	}
	r := &bookReader{table: t}
	for _, c := range []struct {
		place *int
		name  string
	}{
		{&r.id, "book_id"}, {&r.title, "title"}, {&r.authors, "authors"}, {&r.year, "original_publication_year"},
		{&r.language, "language_code"}, {&r.isbn, "isbn"}, {&r.ratings, "ratings_count"},
	} {
		if *c.place, err = t.column(c.name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *bookReader) next() (domain.Book, error) {
	if err := r.table.next(); err != nil {
		return domain.Book{}, err
	}
	id, err := r.count(r.id, 1)
	if err != nil {
		return domain.Book{}, err
	}
	year, err := r.number(r.year)
	if err != nil {
		return domain.Book{}, err
	}
	ratings, err := r.count(r.ratings, 0)
	if err != nil {
		return domain.Book{}, err
	}
	title, series := splitTitle(r.text(r.title))
	author, _, _ := strings.Cut(r.text(r.authors), ",")
	return r.checked(domain.Book{
		ID: id, Title: title, Series: series, Author: strings.Join(strings.Fields(author), " "), Year: int(year),
		ISBN: isbn(r.text(r.isbn)), Language: language(r.text(r.language)), Popularity: ratings,
	})
}

// checked returns a book as the shop can have it. An ISBN or language that is none
// is left out: the set has some.
func (r *bookReader) checked(b domain.Book) (domain.Book, error) {
	places := map[string]int{
		"book_id": r.id, "title": r.title, "series": r.title, "author": r.authors, "year": r.year, "popularity": r.ratings,
	}
	for {
		whole := b
		whole.Categories = []string{anyCategory}
		switch column, reason := bookcsv.CheckBook(whole); column {
		case "":
			return b, nil
		case "isbn":
			b.ISBN = ""
		case "language":
			b.Language = ""
		default:
			return domain.Book{}, r.fault(places[column], reason)
		}
	}
}

// anyCategory stands for those that a book gets later.
const anyCategory = "fiction"

// A series stands behind the title, as in "Emma (A Series, #3)".
var seriesBehind = regexp.MustCompile(`^(.*\S)\s*\(([^()]*\S)\s*,?\s*#([^()#]+)\)$`)

func splitTitle(full string) (title, series string) {
	full = strings.Join(strings.Fields(full), " ")
	m := seriesBehind.FindStringSubmatch(full)
	if m == nil {
		return full, ""
	}
	return m[1], strings.Trim(m[2], ", ") + " #" + strings.TrimSpace(m[3])
}

// isbn gives back the leading zeros that the set has lost.
func isbn(cell string) string {
	if cell == "" || len(cell) > 10 {
		return ""
	}
	return strings.Repeat("0", 10-len(cell)) + cell
}

// language turns the codes of the set, most of three letters, into BCP 47.
func language(code string) string {
	switch code {
	case "eng":
		return "en"
	case "spa":
		return "es"
	case "fre":
		return "fr"
	case "ger":
		return "de"
	case "ita":
		return "it"
	case "por":
		return "pt"
	case "rus":
		return "ru"
	case "jpn":
		return "ja"
	case "ara":
		return "ar"
	case "dan":
		return "da"
	case "nor":
		return "no"
	case "swe":
		return "sv"
	case "vie":
		return "vi"
	case "per":
		return "fa"
	case "ind":
		return "id"
	case "tur":
		return "tr"
	case "pol":
		return "pl"
	case "rum":
		return "ro"
	case "mul":
		return "" // several
	}
	return code
}
