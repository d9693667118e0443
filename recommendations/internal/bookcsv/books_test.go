package bookcsv_test

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

const shortHeader = "book_id,title,author,year,categories,popularity\n"

const fullHeader = "book_id,title,author,year,categories,popularity,series,isbn,description,price,currency,language," +
	"availability,stock,hidden,buy_url,publisher,format,pages,series_number,contributors,added,gone\n"

// shopHeader is the header of a file that has less of a book.
const shopHeader = "book_id,title,author,year,categories,popularity,series,isbn,description,price,currency,language\n"

// readBooks returns the books and the errors of a file.
func readBooks(t *testing.T, content string) ([]domain.Book, []string) {
	t.Helper()
	reader, err := bookcsv.NewBookReader("books.csv", strings.NewReader(content))
	if err != nil {
		return nil, []string{err.Error()}
	}
	var books []domain.Book
	var faults []string
	for book, err := range reader.All() {
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		books = append(books, book)
	}
	return books, faults
}

func TestBookReader(t *testing.T) {
	hobbit := domain.Book{ID: 7, Title: "The Hobbit", Author: "J.R.R. Tolkien", Year: 1937, Categories: []string{"fantasy", "classics"}, Popularity: 12}
	full := hobbit
	full.Series = "Middle-earth #1"
	full.ISBN = "026110221X"
	full.Description = "A hole,\n\"in the ground\"."
	full.Price, full.Currency, full.Language = "12.90", "EUR", "en-GB"
	full.Availability, full.Stock, full.Hidden, full.BuyURL = domain.Available, new(int64), true, "https://shop.example/b?id=7&x=%20#top"
	full.Publisher, full.Format, full.Pages, full.SeriesNumber = "Quay Press", "Paperback", 310, "1-3"
	full.Contributors = []domain.Contributor{{Name: "Alan  Lee", Role: "illustrator"}, {Name: "Ida Field"}}
	full.Added = time.Date(2025, 11, 21, 10, 0, 0, 0, time.UTC)
	full.Gone = true
	ancient := domain.Book{ID: 8, Title: "Οδύσσεια", Author: "Homer", Year: -725, Categories: []string{"poetry"}}
	undated := ancient
	undated.Year = 0
	for name, test := range map[string]struct {
		content string
		want    domain.Book
	}{
		"required columns": {shortHeader + "7,The Hobbit,J.R.R. Tolkien,1937,fantasy|classics,12\n", hobbit},
		"another order":    {"popularity,categories,year,author,title,book_id\n12,fantasy|classics,1937,J.R.R. Tolkien,The Hobbit,7\n", hobbit},
		"byte order mark, CRLF, spaces, no line break at the end": {
			"\uFEFFbook_id, title,author,year,categories,popularity\r\n 7 , The Hobbit,J.R.R. Tolkien ,1937,fantasy|classics,12", hobbit,
		},
		"all columns": {
			fullHeader + "7,The Hobbit,J.R.R. Tolkien,1937,fantasy|classics,12,Middle-earth #1,026110221X,\"A hole,\r\n\"\"in the ground\"\".\",12.90,EUR,en-GB," +
				"Available,0,TRUE,https://shop.example/b?id=7&x=%20#top,Quay Press,Paperback,310.0,1-3,Alan  Lee ( illustrator )| Ida Field,2025-11-21 10:00:00.7,yes\n", full,
		},
		"fewer columns":           {shopHeader + "8,Οδύσσεια,Homer,-725,poetry,0,,,,,,\n", ancient},
		"BCE":                     {shortHeader + "8,Οδύσσεια,Homer,-725,poetry,0\n", ancient},
		"unknown year and number": {shortHeader + "8,Οδύσσεια,Homer,,poetry,\n", undated},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := readBooks(t, test.content)
			if diff := cmp.Diff([]domain.Book{test.want}, got); diff != "" || len(faults) > 0 {
				t.Errorf("faults %q, books (-want +got):\n%s", faults, diff)
			}
		})
	}
}

func TestBookReaderHeader(t *testing.T) {
	for content, want := range map[string]string{
		"":                               `books.csv:1: the file is empty: the first line must name the columns`,
		"\n\nbook_id,title\n":            `books.csv:3: column "author" is missing; the file has "book_id", "title": --map author=COLUMN names the one to take`,
		"book_id,title,title\n":          `books.csv:1: column "title" appears twice`,
		"7::The Hobbit::Tolkien\n":       `books.csv:1: column "book_id" is missing: the first line must name the columns, separated by a comma, a semicolon, a tab or |, and is "7::The Hobbit::Tolkien"`,
		"\"book_id,title\n1,The Hobbit,": `books.csv:1: a cell that begins with a " continues after the closing ", or has none: write each " in the cell twice, and one at its end (noticed on line 2; the lines up to it are skipped)`,
	} {
		if _, faults := readBooks(t, content); !cmp.Equal(faults, []string{want}) {
			t.Errorf("%q: got %q, want %q", content, faults, want)
		}
	}
}

func TestBookReaderFaults(t *testing.T) {
	long := strings.Repeat("ä", 501)
	for row, want := range map[string]string{
		`x,T,A,1937,fantasy,0,,,,,,`:                     `book_id: "x" is not a whole number`,
		`,T,A,1937,fantasy,0,,,,,,`:                      `book_id: is empty`,
		`0,T,A,1937,fantasy,0,,,,,,`:                     `book_id: 0 is less than 1`,
		`99999999999999999999,T,A,1937,fantasy,0,,,,,,`:  `book_id: "99999999999999999999" is too large`,
		`1,T,A,1937,fantasy,0,,,,,,`:                     `book_id: 1 is already on line 2`,
		`2, ,A,1937,fantasy,0,,,,,,`:                     `title: is empty`,
		"2,T\x01,A,1937,fantasy,0,,,,,,":                 `title: "T\x01" has the control character U+0001`,
		"2,\"T\nU\",A,1937,fantasy,0,,,,,,":              `title: has a line break or a tab`,
		"2,T\xff,é,1937,fantasy,0,,,,,,":                 `title: "T\xff" is not UTF-8`,
		`2,` + long + `,A,1937,fantasy,0,,,,,,`:          `title: has 501 characters, at most 500 are allowed`,
		`2,T,A,19x9,fantasy,0,,,,,,`:                     `year: "19x9" is not a whole number`,
		`2,T,A,0,fantasy,0,,,,,,`:                        `year: there is no year 0; leave the cell empty when the year is not known`,
		`2,T,A,19370,fantasy,0,,,,,,`:                    `year: 19370 is not between -5000 and 2999`,
		`2,T,A,1937,,0,,,,,,`:                            `categories: is empty; a book has 1 to 4 categories`,
		`2,T,A,1937,a|b|c|d|e,0,,,,,,`:                   `categories: "a|b|c|d|e" has 5 categories, at most 4 are allowed`,
		`2,T,A,1937,fantasy|fantasy,0,,,,,,`:             `categories: "fantasy" is listed twice`,
		`2,T,A,1937,Self Help,0,,,,,,`:                   `categories: "Self Help" is not a category: it must have the form self-help, at most 40 characters`,
		`2,T,A,1937,self--help,0,,,,,,`:                  `categories: "self--help" is not a category: it must have the form self-help, at most 40 characters`,
		`2,T,A,1937,fantasy,-1,,,,,,`:                    `popularity: -1 is less than 0`,
		`2,T,A,1937,fantasy,1.5,,,,,,`:                   `popularity: "1.5" is not a whole number`,
		`2,T,A,1937,fantasy,281474976710657,,,,,,`:       `popularity: 281474976710657 is more than 281474976710656`,
		`2,T,A,1937,fantasy,0,,12345,,,,`:                `isbn: "12345" is not an ISBN: it must be 13 digits, or 10 of which the last may be X`,
		`2,T,A,1937,fantasy,0,,978026110221X,,,,`:        `isbn: "978026110221X" is not an ISBN: it must be 13 digits, or 10 of which the last may be X`,
		`2,T,A,1937,fantasy,0,,,,"1,290",EUR,`:           `price: "1,290" is not a price: it must have the form 12.90, without a currency and without separators of thousands`,
		`2,T,A,1937,fantasy,0,,,,12,90,EUR,`:             `number of cells is 13, the header has 12: a cell that contains ',' needs quotes around it`,
		`2;T;A;1937;fantasy;0;;;;;;`:                     `number of cells is 1, the header has 12: cells are separated by ';' here, and by ',' in the header`,
		`2,T,A,1937,fantasy,0,,,,012.90,EUR,`:            `price: "012.90" is not a price: it must have the form 12.90, without a currency and without separators of thousands`,
		`2,T,A,1937,fantasy,0,,,,12.,EUR,`:               `price: "12." is not a price: it must have the form 12.90, without a currency and without separators of thousands`,
		`2,T,A,1937,fantasy,0,,,,12.90,,`:                `currency: is empty, but price is "12.90"`,
		`2,T,A,1937,fantasy,0,,,,,EUR,`:                  `price: is empty, but currency is "EUR"`,
		`2,T,A,1937,fantasy,0,,,,12.90,Eur,`:             `currency: "Eur" is not a currency: it must have the form EUR`,
		`2,T,A,1937,fantasy,0,,,,,,english language`:     `language: "english language" is not a language: it must have the form en or pt-BR`,
		`2,T,A,1937,fantasy,0`:                           `number of cells is 6, the header has 12`,
		`2,The "Hobbit",A,1937,fantasy,0,,,,,,`:          `a cell has a " but does not begin with one: put quotes around the cell, and write each " in it twice`,
		`2,"The" Hobbit,A,1937,fantasy,0,,,,,,`:          `a cell that begins with a " continues after the closing ", or has none: write each " in the cell twice, and one at its end`,
		`2,T,A,` + strings.Repeat("x", 50) + `,a,,,,,,,`: `year: "` + strings.Repeat("x", 40) + `…" is not a whole number`,
	} {
		content := shopHeader + "1,Fürst,A,1,a,0,,,,,,\n" + row + "\n3,Third,A,1,a,0,,,,,,\n"
		books, faults := readBooks(t, content)
		if !cmp.Equal(faults, []string{"books.csv:3: " + want}) {
			t.Errorf("row %q\n got %q\nwant %q", row, faults, want)
		}
		if len(books) != 2 || books[1].ID != 3 {
			t.Errorf("row %q: the rows before and after it were not read: %v", row, books)
		}
	}
}

func TestMoreOfABookFaults(t *testing.T) {
	for column, cells := range map[string]map[string]string{
		"availability": {"soon": `"soon" is neither available nor unavailable`},
		"stock":        {"-1": "-1 is not between 0 and 1000000000", "few": `"few" is not a whole number`},
		"hidden":       {"perhaps": `"perhaps" is neither yes nor no`},
		"pages":        {"100001": "100001 is not between 1 and 100000", "-3": "-3 is not between 1 and 100000"},
		"publisher":    {strings.Repeat("é", 201): "has 201 characters, at most 200 are allowed"},
		"format":       {strings.Repeat("é", 61): "has 61 characters, at most 60 are allowed"},
		"contributors": {
			"|Ida":                                `the name "" is empty`,
			"(editor)":                            `the name "" is empty`,
			strings.Repeat("A|", 20) + "A":        "has 21 names, at most 20 are allowed",
			"A (" + strings.Repeat("r", 41) + ")": `the role "` + strings.Repeat("r", 40) + `…" has 41 characters, at most 40 are allowed`,
			strings.Repeat("A", 201):              `the name "` + strings.Repeat("A", 40) + `…" has 201 characters, at most 200 are allowed`,
		},
		"added": {
			"soon":       `"soon" is not a time of the form 2026-11-21T10:00:00Z, 2026-11-21 10:00:00, 2026-11-21, or seconds since 1970`,
			"1969-07-20": `"1969-07-20" is before 1970`, "2999-01-01": `"2999-01-01" is in the future`,
		},
		"series_number": {"2": "", strings.Repeat("1", 21): "has 21 characters, at most 20 are allowed"},
	} {
		for cell, reason := range cells {
			want := "books.csv:2: " + column + ": " + reason
			if reason == "" {
				want = `books.csv:2: series: is empty, but series_number is "2"`
			}
			_, faults := readBooks(t, "book_id,title,author,series,"+column+"\n1,T,A,,"+cell+"\n2,U,A,,\n")
			if column == "series_number" {
				_, faults = readBooks(t, "book_id,title,author,series,"+column+"\n1,T,A,,"+cell+"\n")
			}
			if !cmp.Equal(faults, []string{want}) {
				t.Errorf("%s %q: got %q, want %q", column, cell, faults, want)
			}
		}
	}
}

// Pages link to these addresses.
func TestBuyURL(t *testing.T) {
	for cell, allowed := range map[string]bool{
		"https://shop.example/b/7?x=1&y=%C3%A9#buy":      true,
		"http://shop.example:8080":                       true,
		"https://[::1]/b":                                true,
		"javascript:alert(1)":                            false,
		"data:text/html,x":                               false,
		"//shop.example/b":                               false,
		"/b/7":                                           false,
		"https:///b":                                     false,
		"https://":                                       false,
		"https://user@shop.example/":                     false,
		"https://shop.example/a b":                       false,
		"https://shop.example\\@evil.example/":           false,
		`https://shop.example/"onclick=`:                 false,
		"https://shop.example/é":                         false,
		"ftp://shop.example/":                            false,
		"https://shop.example/%zz":                       false,
		"https://s.example/" + strings.Repeat("x", 2000): false,
	} {
		var row strings.Builder
		w := csv.NewWriter(&row)
		_ = w.Write([]string{"1", "T", "A", cell})
		w.Flush()
		books, faults := readBooks(t, "book_id,title,author,buy_url\n"+row.String())
		if got := len(books) == 1 && books[0].BuyURL == cell; got != allowed || got == (len(faults) > 0) {
			t.Errorf("%q: allowed %v, want %v: %q", cell, got, allowed, faults)
		}
	}
}

// Spreadsheets write ="0439023483" to keep the zero, in quotes or without.
func TestNumbersInFormulas(t *testing.T) {
	books, faults := readBooks(t, "book_id,title,author,isbn,categories,price\n"+
		"=\"1\",One,A,=\"0439023483\",poetry,=\"\"\n"+
		"2,\"Two, \"\"=\"\"\",B,\"=\"\"0439023483\"\"\",=\"poetry\",\n")
	want := []domain.Book{
		{ID: 1, Title: "One", Author: "A", ISBN: "0439023483", Categories: []string{"poetry"}},
		{ID: 2, Title: `Two, "="`, Author: "B", ISBN: "0439023483", Categories: []string{"poetry"}},
	}
	if diff := cmp.Diff(want, books); diff != "" || len(faults) > 0 {
		t.Errorf("%v; books (-want +got):\n%s", faults, diff)
	}
}

func TestFaultIsOnItsOwnLine(t *testing.T) {
	_, faults := readBooks(t, shopHeader+"1,T,A,1,a,0,,,\"one\ntwo\nthree\",1.0.0,EUR,\n2,T,A,x,a,0,,,,,,\n")
	_, skipped := readBooks(t, shortHeader+"1,\"T,A,1,a,0\n2,T,A,1,a,0\n3,\"T\",A,1,a,0\n")
	want := []string{`books.csv:2: a cell that begins with a " continues after the closing ", or has none: write each " in the cell twice, and one at its end (noticed on line 4; the lines up to it are skipped)`}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Error(diff)
	}
	want = []string{
		`books.csv:4: price: "1.0.0" is not a price: it must have the form 12.90, without a currency and without separators of thousands`,
		`books.csv:5: year: "x" is not a whole number`,
	}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Error(diff)
	}
}

// A quote that is never closed must not make the reader buffer the whole file or
// loop.
func TestOpenQuoteEndsTheReading(t *testing.T) {
	rows := strings.Repeat("2,T,A,1937,fantasy,0\n", 100_000)
	reader, err := bookcsv.NewBookReader("books.csv", strings.NewReader(shortHeader+"1,\"T,A,1937,fantasy,0\n"+rows))
	if err != nil {
		t.Fatal(err)
	}
	_, first := reader.Next()
	_, second := reader.Next()
	want := "read books.csv after line 1: a row is longer than 1 MiB: is a quote not closed?"
	if first == nil || first.Error() != want || !errors.Is(second, first) {
		t.Errorf("got %v, then %v", first, second)
	}
	if _, row := errors.AsType[*bookcsv.RowError](first); row {
		t.Error("the final error is a RowError, after which callers continue")
	}
}

func TestReadErrorIsFinal(t *testing.T) {
	broken := errors.New("disk on fire")
	source := io.MultiReader(strings.NewReader(shortHeader+"1,T,A,1937,fantasy,0\n"), errorReader{broken})
	reader, err := bookcsv.NewBookReader("books.csv", source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := reader.Next(); !errors.Is(err, broken) {
			t.Errorf("Next: %v, want the error of the source each time", err)
		}
	}
	for _, err := range reader.All() {
		t.Errorf("All continues after a final error: %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
