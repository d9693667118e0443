package bookcsv

import (
	"io"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/domain"
)

// Limits on the fields of a book. Lengths are in characters.
const (
	maxTitle       = 500
	maxAuthor      = 200
	maxSeries      = 200
	maxDescription = 20_000
	minYear        = -5000
	maxYear        = 2999
	maxCategories  = 4
	maxPopularity  = 1 << 48 // the engine takes no more
)

// BookReader reads a books.csv.
type BookReader = Reader[domain.Book]

// BookWriter writes a books.csv.
type BookWriter = Writer[domain.Book]

// NewBookWriter returns a writer of a books.csv. The caller must call Flush at the
// end.
func NewBookWriter(w io.Writer) *BookWriter {
	return newWriter(w, bookFormat())
}

// CheckBook returns the first column of b that a books.csv cannot hold, and the
// reason; column is "" when b is valid. Books imported from other formats must
// pass it too, so that they can be exported.
func CheckBook(b domain.Book) (column, reason string) {
	f := bookFormat()
	if _, wrong := f.parseRow(f.sources(), f.text(&b)); wrong != nil {
		return wrong.column, wrong.reason
	}
	return "", ""
}

func bookFormat() format[domain.Book] {
	type book = domain.Book
	return format[book]{
		id:       func(b *book) int64 { return b.ID },
		check:    checkPrice,
		profiles: bookProfiles(),
		columns: []column[book]{
			{
				name:  "book_id",
				parse: func(b *book, cell string) error { return parseID(&b.ID, cell) },
				text:  func(b *book) string { return strconv.FormatInt(b.ID, 10) },
			},
			{
				name:  "title",
				parse: func(b *book, cell string) error { return parseName(&b.Title, cell, maxTitle) },
				text:  func(b *book) string { return b.Title },
			},
			{
				name:  "author",
				parse: func(b *book, cell string) error { return parseLine(&b.Author, cell, maxAuthor) },
				text:  func(b *book) string { return b.Author },
			},
			{
				name: "year", optional: true,
				parse: func(b *book, cell string) error { return parseYear(&b.Year, cell) },
				text:  func(b *book) string { return formatYear(b.Year) },
			},
			{
				name: "categories", optional: true,
				parse: func(b *book, cell string) error { return parseCategories(&b.Categories, cell) },
				text:  func(b *book) string { return strings.Join(b.Categories, "|") },
			},
			{
				name: "popularity", optional: true,
				parse: func(b *book, cell string) error { return parseCount(&b.Popularity, cell) },
				text:  func(b *book) string { return strconv.FormatInt(b.Popularity, 10) },
			},
			{
				name: "series", optional: true,
				parse: func(b *book, cell string) error { return parseLine(&b.Series, cell, maxSeries) },
				text:  func(b *book) string { return b.Series },
			},
			{
				name: "isbn", optional: true,
				parse: func(b *book, cell string) error { return parseISBN(&b.ISBN, cell) },
				text:  func(b *book) string { return b.ISBN },
			},
			{
				name: "description", optional: true,
				parse: func(b *book, cell string) error { return parseText(&b.Description, cell, maxDescription) },
				text:  func(b *book) string { return b.Description },
			},
			{
				name: "price", optional: true,
				parse: func(b *book, cell string) error { return parsePrice(&b.Price, cell) },
				text:  func(b *book) string { return b.Price },
			},
			{
				name: "currency", optional: true,
				parse: func(b *book, cell string) error { return parseCurrency(&b.Currency, cell) },
				text:  func(b *book) string { return b.Currency },
			},
			{
				name: "language", optional: true,
				parse: func(b *book, cell string) error { return parseLanguage(&b.Language, cell) },
				text:  func(b *book) string { return b.Language },
			},
		},
	}
}

// checkPrice checks that price and currency are either both set or both empty: an
// amount without a currency cannot be shown.
func checkPrice(b *domain.Book) *fault {
	switch {
	case b.Price != "" && b.Currency == "":
		return &fault{column: "currency", reason: "is empty, but price is " + quote(b.Price)}
	case b.Price == "" && b.Currency != "":
		return &fault{column: "price", reason: "is empty, but currency is " + quote(b.Currency)}
	}
	return nil
}
