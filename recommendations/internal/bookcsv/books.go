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
	maxStock       = 1_000_000_000
	maxBuyURL      = 2000
	maxPublisher   = 200
	maxFormat      = 60
	maxPages       = 100_000
	maxPlace       = 20 // in a series

	maxContributors = 20
	maxRole         = 40
)

// BookReader reads a books.csv.
type BookReader = Reader[domain.Book]

// BookWriter writes a books.csv.
type BookWriter = Writer[domain.Book]

// NewBookWriter returns a writer of a books.csv. The caller must call Flush at the
// end.
func NewBookWriter(w io.Writer) *BookWriter {
	return newWriter(w, bookFormat(nil))
}

// CheckBook returns the first column of b that a books.csv cannot hold, and the
// reason; column is "" when b is valid. Books imported from other formats must
// pass it too, so that they can be exported.
func CheckBook(b domain.Book) (column, reason string) {
	f := bookFormat(nil)
	if wrong := f.parseRow(&domain.Book{}, f.sources(), f.text(&b)); wrong != nil {
		return wrong.column, wrong.reason
	}
	return "", ""
}

// bookFormat returns the format; ids gives ids that are texts their numbers, and if it is nil,
// ids are numbers.
func bookFormat(ids *domain.Numbering) format[domain.Book] {
	type book = domain.Book
	return format[book]{
		id:       func(b *book) int64 { return b.ID },
		ids:      ids,
		check:    checkBook,
		profiles: bookProfiles(),
		columns: []column[book]{
			{
				name: "book_id",
				parse: func(b *book, cell string) (err error) {
					b.ID, b.ExternalID, err = parseBookID(ids, cell)
					return err
				},
				text: func(b *book) string { return strconv.FormatInt(b.ID, 10) },
			},
			{
				name: "external_id", optional: true,
				parse: func(b *book, cell string) error { return parseExternalID(ids, b, cell) },
				text:  func(b *book) string { return b.ExternalID },
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
				text:  func(b *book) string { return formatKnown(b.Year) },
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
			{
				name: "availability", optional: true,
				parse: func(b *book, cell string) error { return parseAvailability(&b.Availability, cell) },
				text:  func(b *book) string { return string(b.Availability) },
			},
			{
				name: "stock", optional: true,
				parse: func(b *book, cell string) error { return parseStock(&b.Stock, cell) },
				text:  func(b *book) string { return formatStock(b.Stock) },
			},
			{
				name: "hidden", optional: true,
				parse: func(b *book, cell string) error { return parseYesNo(&b.Hidden, cell) },
				text:  func(b *book) string { return formatYes(b.Hidden) },
			},
			{
				name: "buy_url", optional: true,
				parse: func(b *book, cell string) error { return parseAddress(&b.BuyURL, cell) },
				text:  func(b *book) string { return b.BuyURL },
			},
			{
				name: "publisher", optional: true,
				parse: func(b *book, cell string) error { return parseLine(&b.Publisher, cell, maxPublisher) },
				text:  func(b *book) string { return b.Publisher },
			},
			{
				name: "format", optional: true,
				parse: func(b *book, cell string) error { return parseLine(&b.Format, cell, maxFormat) },
				text:  func(b *book) string { return b.Format },
			},
			{
				name: "pages", optional: true,
				parse: func(b *book, cell string) error { return parsePages(&b.Pages, cell) },
				text:  func(b *book) string { return formatKnown(b.Pages) },
			},
			{
				name: "series_number", optional: true,
				parse: func(b *book, cell string) error { return parseLine(&b.SeriesNumber, cell, maxPlace) },
				text:  func(b *book) string { return b.SeriesNumber },
			},
			{
				name: "contributors", optional: true,
				parse: func(b *book, cell string) error { return parseContributors(&b.Contributors, cell) },
				text:  func(b *book) string { return domain.FormatContributors(b.Contributors) },
			},
			{
				name: "added", optional: true,
				parse: func(b *book, cell string) error { return parseAdded(&b.Added, cell) },
				text:  func(b *book) string { return formatAdded(b.Added) },
			},
			{
				name: "gone", optional: true,
				parse: func(b *book, cell string) error { return parseYesNo(&b.Gone, cell) },
				text:  func(b *book) string { return formatYes(b.Gone) },
			},
		},
	}
}

// checkBook checks that price and currency are either both set or both empty: an amount
// without a currency cannot be shown. Nor can a place in no series.
func checkBook(b *domain.Book) *fault {
	switch {
	case b.Price != "" && b.Currency == "":
		return &fault{column: "currency", reason: "is empty, but price is " + quote(b.Price)}
	case b.Price == "" && b.Currency != "":
		return &fault{column: "price", reason: "is empty, but currency is " + quote(b.Currency)}
	case b.Series == "" && b.SeriesNumber != "":
		return &fault{column: "series", reason: "is empty, but series_number is " + quote(b.SeriesNumber)}
	}
	return nil
}
