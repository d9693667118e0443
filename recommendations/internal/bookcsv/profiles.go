package bookcsv

// profile describes how files of one origin name their columns. A file has a profile if its
// header has all the marks.
type profile struct {
	name    string
	marks   []string // columns of the file, see spreadsheet.Key
	columns []mapping
	scale   float64 // the highest rating; 0 means 5
	lazy    bool    // cells have quotes within them
}

// mapping says where a column of the project comes from. Of several for one column, the first
// counts for which the file has what it needs.
type mapping struct {
	to      string
	from    []string // columns of the file, see spreadsheet.Key: the first that is not empty
	sum     bool     // the sum of all of from, which are whole numbers
	convert func(cell string) (string, error)
	// lenient takes a cell that cannot be read for an empty one. The sets have some.
	lenient bool
	// reader: the file names no reader; see Options.Reader.
	reader bool
	// isbn: the ISBN is the id of a book; see isbnKey.
	isbn bool
}

// Canonical is the name of the project's own files.
const Canonical = "canonical"

// Goodbooks is the profile of the books of goodbooks-10k, whose categories are in other files.
const Goodbooks = "goodbooks-10k"

// The profiles by kind of file. A further one needs its marks and columns here, a row in
// docs/data-formats.md, and a file in testdata.

func bookProfiles() []profile {
	return []profile{
		{
			name:  Goodbooks,
			marks: []string{"bookid", "authors", "originalpublicationyear", "title", "ratingscount"},
			columns: []mapping{
				{to: "book_id", from: []string{"bookid"}},
				{to: "title", from: []string{"title"}, convert: titleOnly},
				{to: "series", from: []string{"title"}, convert: seriesOnly},
				{to: "author", from: []string{"authors"}, convert: firstAuthor},
				{to: "year", from: []string{"originalpublicationyear"}, convert: yearOrNone},
				{to: "contributors", from: []string{"authors"}, convert: furtherAuthors, lenient: true},
				{to: "popularity", from: []string{"ratings4", "ratings5"}, sum: true},
				{to: "popularity", from: []string{"ratingscount"}},
				{to: "isbn", from: []string{"isbn"}, convert: shortISBN, lenient: true},
				{to: "language", from: []string{"languagecode"}, convert: language, lenient: true},
			},
		},
		{
			name:  "Goodreads export",
			marks: []string{"bookid", "title", "author", "myrating", "exclusiveshelf"},
			lazy:  true,
			columns: []mapping{
				{to: "book_id", from: []string{"bookid"}},
				{to: "title", from: []string{"title"}, convert: titleOnly},
				{to: "series", from: []string{"title"}, convert: seriesOnly},
				{to: "author", from: []string{"author"}, convert: oneLine},
				{to: "year", from: []string{"originalpublicationyear", "yearpublished"}, convert: yearOrNone, lenient: true},
				{to: "isbn", from: []string{"isbn13", "isbn"}, lenient: true},
				{to: "publisher", from: []string{"publisher"}, convert: oneLine, lenient: true},
				{to: "format", from: []string{"binding"}, convert: oneLine, lenient: true},
				{to: "pages", from: []string{"numberofpages"}, lenient: true},
				{to: "contributors", from: []string{"additionalauthors"}, convert: authors, lenient: true},
			},
		},
		{
			name:  "Book-Crossing",
			marks: []string{"isbn", "booktitle", "bookauthor"},
			lazy:  true,
			columns: []mapping{
				{to: "book_id", from: []string{"isbn"}, isbn: true},
				{to: "isbn", from: []string{"isbn"}, lenient: true},
				{to: "title", from: []string{"booktitle"}, convert: unescaped},
				{to: "author", from: []string{"bookauthor"}, convert: unescaped},
				{to: "year", from: []string{"yearofpublication"}, convert: yearOrNone, lenient: true},
				{to: "publisher", from: []string{"publisher"}, convert: unescaped, lenient: true},
			},
		},
		{
			name:  "MovieLens",
			marks: []string{"movieid", "title", "genres"},
			columns: []mapping{
				{to: "book_id", from: []string{"movieid"}},
				{to: "title", from: []string{"title"}, convert: titleWithoutYear},
				{to: "year", from: []string{"title"}, convert: yearOfTitle},
				{to: "categories", from: []string{"genres"}, convert: genres, lenient: true},
			},
		},
	}
}

func ratingProfiles() []profile {
	return []profile{
		{
			name:  "Goodreads export",
			marks: []string{"bookid", "title", "author", "myrating", "exclusiveshelf"},
			lazy:  true,
			columns: []mapping{
				{to: "user_id", reader: true},
				{to: "book_id", from: []string{"bookid"}},
				{to: "rating", from: []string{"myrating"}},
			},
		},
		{
			name:  "Book-Crossing",
			marks: []string{"userid", "isbn", "bookrating"},
			scale: 10,
			columns: []mapping{
				{to: "user_id", from: []string{"userid"}},
				{to: "book_id", from: []string{"isbn"}, isbn: true},
				{to: "rating", from: []string{"bookrating"}},
			},
		},
		{
			name:  "MovieLens",
			marks: []string{"userid", "movieid", "rating"},
			columns: []mapping{
				{to: "user_id", from: []string{"userid"}},
				{to: "book_id", from: []string{"movieid"}},
				{to: "rating", from: []string{"rating"}},
			},
		},
	}
}
