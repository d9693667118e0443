package bookcsv_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// fixture returns a file in the shape in which others publish or export it.
func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "profiles", name))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func TestBooksAsPeopleHaveThem(t *testing.T) {
	for name, test := range map[string]struct {
		shape bookcsv.Shape
		want  []domain.Book
	}{
		"goodbooks-10k-books.csv": {
			bookcsv.Shape{Profile: "goodbooks-10k", Separator: ',', Ignored: []string{
				"goodreads_book_id", "best_book_id", "work_id", "books_count", "isbn13", "original_title", "average_rating", "ratings_count", "work_ratings_count",
				"work_text_reviews_count", "ratings_1", "ratings_2", "ratings_3", "image_url", "small_image_url",
			}},
			[]domain.Book{
				{ID: 1, Title: "The Games", Series: "The Games #1", Author: "Ann Author", Year: 2008, ISBN: "0439023483", Language: "en", Popularity: 4187622, Contributors: []domain.Contributor{{Name: "Bob Other"}}},
				{ID: 2, Title: "Old Songs", Author: "Carl Carver", Year: -720, Popularity: 11},
			},
		},
		"goodreads-export.csv": {
			bookcsv.Shape{Profile: "Goodreads export", Separator: ',', Ignored: []string{
				"Author l-f", "My Rating", "Average Rating", "Date Read", "Date Added", "Bookshelves",
				"Bookshelves with positions", "Exclusive Shelf", "My Review", "Spoiler", "Private Notes", "Read Count", "Owned Copies",
			}},
			[]domain.Book{
				{ID: 101, Title: "The Lamp Room", Series: "Harbour #2", Author: "Ida Field", Year: 2009, ISBN: "9780439023481", Publisher: "Quay Press", Format: "Paperback", Pages: 301},
				{ID: 102, Title: "Salt", Author: "John Marsh", Year: 2018, Publisher: "Quay Press", Format: "Hardcover", Pages: 120},
				{ID: 103, Title: "Rooms, and Other Rooms", Author: "Noor Vale", Year: 1999, ISBN: "9780804429573", Publisher: "Hill House", Format: "Kindle Edition", Pages: 90, Contributors: []domain.Contributor{{Name: "Ida Field"}}},
			},
		},
		"book-crossing-books.csv": {
			bookcsv.Shape{Profile: "Book-Crossing", Encoding: "Windows-1252", Separator: ';', Ignored: []string{"Image-URL-S", "Image-URL-M", "Image-URL-L"}},
			[]domain.Book{
				{ID: 9780195153446, Title: "A Short History of Lamps", Author: "M. P. Field", Year: 2002, ISBN: "0195153448", Publisher: "Quay Press"},
				{ID: 9780345451040, Title: "Café am Fluß und anderswo", Author: "Jürgen Vogt", ISBN: "034545104X", Publisher: "Hill House"},
				{ID: 9780806521213, Title: `Sink & Swim: "Tough" Talk`, Author: "Ann Marsh", Year: 1999, ISBN: "080652121X", Publisher: "Hill House"},
			},
		},
		"movielens-movies.csv": {
			bookcsv.Shape{Profile: "MovieLens", Separator: ','},
			[]domain.Book{
				{ID: 1, Title: "Lamp Story", Year: 1995, Categories: []string{"adventure", "animation", "children", "comedy"}},
				{ID: 58, Title: "Postman, The (Postino, Il)", Year: 1994, Categories: []string{"comedy", "sci-fi"}},
				{ID: 176601, Title: "Dark Mirror"},
			},
		},
		"spreadsheet-books.csv": {
			bookcsv.Shape{Profile: "canonical", Encoding: "Windows-1252", Separator: ';', Ignored: []string{"Category"}},
			fromSpreadsheet(),
		},
		"unicode-text-books.csv": {
			bookcsv.Shape{Profile: "canonical", Encoding: "UTF-16", Separator: '\t', Ignored: []string{"Category"}},
			fromSpreadsheet(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			reader, err := bookcsv.NewBookReader(name, bytes.NewReader(fixture(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, readAll(t, reader)); diff != "" {
				t.Errorf("books (-want +got):\n%s", diff)
			}
			test.shape.Scale = 5
			if diff := cmp.Diff(test.shape, reader.Shape()); diff != "" {
				t.Errorf("shape (-want +got):\n%s", diff)
			}
		})
	}
}

func fromSpreadsheet() []domain.Book {
	return []domain.Book{
		{ID: 7, Title: "Le Café bleu", Author: "Zoé Marsh", Year: 1998, Price: "12.90", Currency: "EUR", ISBN: "9780261102217", Stock: new(int64(4))},
		{ID: 8, Title: "Nuit; jour", Author: "Léo Field", Price: "9.5", Currency: "EUR", Stock: new(int64(0))},
	}
}

// The books of goodbooks-10k, with what is odd in them.
func TestGoodbooks(t *testing.T) {
	const header = "book_id,goodreads_book_id,isbn,authors,original_publication_year,original_title,title,language_code,ratings_count\n"
	books, faults := readBooks(t, "\uFEFF"+header+
		`1,2767052,439023483,Suzanne Collins,2008.0,The Hunger Games,"The Hunger Games (The Hunger Games, #1)",eng,4780653`+"\n"+
		`9,1,,"Homer, Robert Fagles",-720.0,,"The  Odyssey",,12`+"\n"+
		`10,1,043935806X,J.K.  Rowling,,x,"The Silmarillion (Middle-Earth Universe)",en-US,`+"\n"+
		`11,1,1,A B,1990,x,"A Boxed Set (A (Good) Saga #1-3)",spa,5`+"\n"+
		`12,1,abc,A B,0.0,x,"Boxed (Saga, #1-3)",-,5`+"\n"+
		"0,1,,A,2000,x,T,eng,1\n"+
		"2,1,,A,19.5,x,T,eng,1\n"+
		"2,1,,A,NaN,x,T,eng,1\n"+
		"2,1,,A,9999,x,T,eng,1\n"+
		"2,1,,A,2000,x,,eng,1\n"+
		"2,1,,A,2000,x,T,eng,-\n"+
		"9,1,,A,2000,x,T,eng,1\n")
	want := []domain.Book{
		{ID: 1, Title: "The Hunger Games", Series: "The Hunger Games #1", Author: "Suzanne Collins", Year: 2008, ISBN: "0439023483", Language: "en", Popularity: 4780653},
		{ID: 9, Title: "The Odyssey", Author: "Homer", Year: -720, Popularity: 12, Contributors: []domain.Contributor{{Name: "Robert Fagles"}}},
		{ID: 10, Title: "The Silmarillion (Middle-Earth Universe)", Author: "J.K. Rowling", ISBN: "043935806X", Language: "en-US"},
		{ID: 11, Title: "A Boxed Set (A (Good) Saga #1-3)", Author: "A B", Year: 1990, ISBN: "0000000001", Language: "es", Popularity: 5},
		{ID: 12, Title: "Boxed", Series: "Saga #1-3", Author: "A B", Popularity: 5},
	}
	if diff := cmp.Diff(want, books); diff != "" {
		t.Errorf("books (-want +got):\n%s", diff)
	}
	wrong := []string{
		"books.csv:7: book_id: 0 is less than 1",
		`books.csv:8: original_publication_year: "19.5" is not a whole number`,
		`books.csv:9: original_publication_year: "NaN" is not a whole number`,
		"books.csv:10: original_publication_year: 9999 is not between -5000 and 2999",
		"books.csv:11: title: is empty",
		`books.csv:12: ratings_count: "-" is not a whole number`,
		"books.csv:13: book_id: 9 is already on line 3",
	}
	if diff := cmp.Diff(wrong, faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestRatingsAsPeopleHaveThem(t *testing.T) {
	for name, test := range map[string]struct {
		options bookcsv.Options
		content []byte
		shape   bookcsv.Shape
		want    []domain.Rating
	}{
		"Goodreads": {
			bookcsv.Options{Reader: 12}, fixture(t, "goodreads-export.csv"),
			bookcsv.Shape{Profile: "Goodreads export", Separator: ',', Scale: 5, Unrated: 1},
			[]domain.Rating{{UserID: 12, BookID: 101, Stars: 5}, {UserID: 12, BookID: 103, Stars: 3}},
		},
		"Book-Crossing": {
			bookcsv.Options{}, fixture(t, "book-crossing-ratings.csv"),
			bookcsv.Shape{Profile: "Book-Crossing", Separator: ';', Scale: 10, Unrated: 1},
			[]domain.Rating{{UserID: 276726, BookID: 9780195153446, Stars: 4}, {UserID: 276727, BookID: 9780345451040, Stars: 3}, {UserID: 276729, BookID: 9780806521213, Stars: 5}},
		},
		"MovieLens": {
			bookcsv.Options{}, fixture(t, "movielens-ratings.csv"),
			bookcsv.Shape{Profile: "MovieLens", Separator: ',', Scale: 5},
			[]domain.Rating{{UserID: 1, BookID: 1, Stars: 4}, {UserID: 1, BookID: 58, Stars: 3}, {UserID: 2, BookID: 1, Stars: 1}, {UserID: 2, BookID: 176601, Stars: 4}},
		},
		"other names and a scale": {
			bookcsv.Options{Columns: map[string]string{"user_id": "Kunde", "book_id": "ISBN-13", "rating": "Note"}, Scale: 100},
			[]byte("Note\tKunde\tISBN-13\n\"87,5\"\t7.0\t978-0-19-515344-6\n100\t8\t0195153448\n"),
			bookcsv.Shape{Profile: "canonical", Separator: '\t', Scale: 100, Mapped: []string{"user_id", "book_id", "rating"}},
			[]domain.Rating{{UserID: 7, BookID: 9780195153446, Stars: 4}, {UserID: 8, BookID: 9780195153446, Stars: 5}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			reader, err := test.options.Ratings("r.csv", bytes.NewReader(test.content))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, readAll(t, reader)); diff != "" {
				t.Errorf("ratings (-want +got):\n%s", diff)
			}
			got := reader.Shape()
			got.Ignored = nil
			if diff := cmp.Diff(test.shape, got); diff != "" {
				t.Errorf("shape (-want +got):\n%s", diff)
			}
		})
	}
}

// Likes need neither a kind nor an id nor a time. The id is the same at each reading.
func TestLikesAsPeopleHaveThem(t *testing.T) {
	options := bookcsv.Options{Columns: map[string]string{"user_id": "customer"}}
	read := func() []domain.Interaction {
		reader, err := options.Interactions("likes.csv", bytes.NewReader(fixture(t, "shop-likes.csv")))
		if err != nil {
			t.Fatal(err)
		}
		return readAll(t, reader)
	}
	got := read()
	want := []domain.Interaction{
		{ID: got[0].ID, UserID: 12, BookID: 7, Kind: domain.Like, At: time.Date(2026, 3, 1, 10, 30, 0, 0, time.UTC)},
		{ID: got[1].ID, UserID: 12, BookID: 8, Kind: domain.Like, At: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, got); diff != "" || got[0].ID == got[1].ID {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got, read()); diff != "" {
		t.Errorf("the second reading differs:\n%s", diff)
	}
}

// Spreadsheets write rows of empty cells, below a table that was longer once too.
func TestRowsWithoutText(t *testing.T) {
	const file = "user_id;book_id;rating\n;;\n1;7;4\n ; ;\n;;;;;;\n;\n1;8;9\n\"\";;\n2;7;3\n;;\n"
	reader, err := bookcsv.NewRatingReader("ratings.csv", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var rows []domain.Rating
	var faults []string
	for row, err := range reader.All() {
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		rows = append(rows, row)
	}
	if len(rows) != 2 || rows[1].UserID != 2 || reader.Line() != 9 {
		t.Errorf("%v, the last on line %d, want two ratings, the last on line 9", rows, reader.Line())
	}
	if len(faults) != 1 || !strings.HasPrefix(faults[0], "ratings.csv:7: rating: ") {
		t.Errorf("faults %q, want one, of the rating on line 7", faults)
	}
}

func TestTimes(t *testing.T) {
	half := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for cell, want := range map[string]time.Time{
		"2026-11-21T10:30:00Z": half, "2026-11-21T11:30:00+01:00": half, "2026-11-21 10:30:00": half, "2026-11-21T10:30:00": half, "2026-11-21 10:30": half,
		"2026-11-21": day, "2026/11/21": day, "1795257000": half, "1795257000000": half,
	} {
		reader, err := bookcsv.NewInteractionReader("i.csv", strings.NewReader("user_id,book_id,at\n1,2,"+cell+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := reader.Next(); err != nil || !got.At.Equal(want) {
			t.Errorf("%s: %v, %v, want %v", cell, got.At, err, want)
		}
	}
}

// The first character beyond ASCII decides on the encoding, wherever reads end.
func TestEncodings(t *testing.T) {
	const header = "book_id,title,author\n"
	for name, test := range map[string]struct{ content, want, encoding string }{
		"UTF-8":                  {"1,Café,读者\n", "Café", ""},
		"UTF-8 with a mark":      {"\uFEFF", "T", ""},
		"Windows-1252":           {"1,Caf\xe9 \x96 \x80,A\n", "Café – €", "Windows-1252"},
		"Windows-1252 at an end": {"1,T,A\xe9", "T", "Windows-1252"},
		"ASCII":                  {"1,T,A\n", "T", ""},
	} {
		content := header + test.content
		if name == "UTF-8 with a mark" {
			content = test.content + header + "1,T,A\n"
		}
		for size := 1; size < 8; size++ {
			reader, err := bookcsv.NewBookReader("b.csv", &slow{[]byte(content), size})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if book, err := reader.Next(); err != nil || book.Title != test.want || reader.Shape().Encoding != test.encoding {
				t.Errorf("%s, %d bytes at a time: %+v, %v in %q", name, size, book, err, reader.Shape().Encoding)
			}
		}
	}
}

// slow returns few bytes at a time.
type slow struct {
	left []byte
	size int
}

func (s *slow) Read(p []byte) (int, error) {
	n := copy(p, s.left[:min(s.size, len(s.left))])
	if s.left = s.left[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// FuzzProfiles reads any bytes as each kind of file. What is read can be written, if it is
// complete, and reading it twice gives the same.
func FuzzProfiles(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "profiles", "*.csv"))
	if err != nil || len(files) < 9 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		f.Add(fixture(f, filepath.Base(name)), 10.0)
	}
	f.Add([]byte("sep=;\n\xff\xfea\x00"), 0.5)
	f.Fuzz(func(t *testing.T, content []byte, scale float64) {
		options := bookcsv.Options{Scale: scale, Columns: map[string]string{"book_id": "ISBN", "rating": "note"}}
		if books, err := options.Books("b.csv", bytes.NewReader(content)); err == nil {
			writer := bookcsv.NewBookWriter(io.Discard)
			for _, b := range drain(t, books, len(content)) {
				if len(b.Categories) == 0 {
					b.Categories = []string{"fiction"}
				}
				if err := writer.Write(b); err != nil {
					t.Errorf("%+v: %v", b, err)
				}
			}
		}
		if ratings, err := options.Ratings("r.csv", bytes.NewReader(content)); err == nil {
			for _, r := range drain(t, ratings, len(content)) {
				if r.UserID < 1 || r.BookID < 1 || r.Stars < 1 || r.Stars > 5 {
					t.Errorf("read %+v", r)
				}
			}
		}
		if interactions, err := options.Interactions("i.csv", bytes.NewReader(content)); err == nil {
			for _, i := range drain(t, interactions, len(content)) {
				if err := i.Validate(); err != nil {
					t.Errorf("read %+v: %v", i, err)
				}
			}
		}
	})
}
