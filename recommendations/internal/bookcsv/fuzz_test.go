package bookcsv_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// FuzzBookReader checks that reading any bytes ends with io.EOF or a final error,
// that each other error is a RowError, and that the books read can be written and
// read again.
func FuzzBookReader(f *testing.F) {
	f.Add([]byte(shortHeader + "7,The Hobbit,J.R.R. Tolkien,1937,fantasy|classics,12\n"))
	f.Add([]byte("\uFEFF" + fullHeader + "7,\"The \"\"H\"\"\",A,,a,,,026110221X,\"x\r\ny\",1.5,EUR,en\r\n"))
	f.Add([]byte(shortHeader + "\"\n\"\"x\n1,2,3\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		reader, err := bookcsv.NewBookReader("books.csv", bytes.NewReader(content))
		if err != nil {
			return
		}
		books := drain(t, reader, len(content))
		var file bytes.Buffer
		writeAll(t, bookcsv.NewBookWriter(&file), books)
		again, err := bookcsv.NewBookReader("books.csv", &file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(books, readAll(t, again)); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzRatingReader(f *testing.F) {
	f.Add([]byte("user_id,book_id,rating\n1,2,3\n"))
	f.Add([]byte("rating,user_id,book_id\r\n5,\"1\",2\r\n6,1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		reader, err := bookcsv.NewRatingReader("ratings.csv", bytes.NewReader(content))
		if err != nil {
			return
		}
		for _, r := range drain(t, reader, len(content)) {
			if r.UserID < 1 || r.BookID < 1 || r.Stars < 1 || r.Stars > 5 {
				t.Errorf("read %+v", r)
			}
		}
	})
}

// FuzzBookRoundTrip checks that a book that the writer accepts is read back equal.
func FuzzBookRoundTrip(f *testing.F) {
	f.Add(int64(7), "The Hobbit", "J.R.R. Tolkien", 1937, "fantasy|classics", int64(12), "x #1", "", "a\nb", "12.90", "EUR", "en")
	f.Add(int64(1), `"`, `,`, -1, "a", int64(0), `\.`, "026110221X", "\"\n\"", "", "", "")
	f.Fuzz(func(t *testing.T, id int64, title, author string, year int, categories string, popularity int64,
		series, isbn, description, price, currency, language string,
	) {
		book := domain.Book{
			ID: id, Title: title, Author: author, Year: year, Categories: strings.Split(categories, "|"), Popularity: popularity,
			Series: series, ISBN: isbn, Description: description, Price: price, Currency: currency, Language: language,
		}
		var file bytes.Buffer
		writer := bookcsv.NewBookWriter(&file)
		if writer.Write(book) != nil {
			return
		}
		if err := writer.Flush(); err != nil {
			t.Fatal(err)
		}
		reader, err := bookcsv.NewBookReader("books.csv", &file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]domain.Book{book}, readAll(t, reader)); diff != "" {
			t.Error(diff)
		}
	})
}

// drain reads to the end, and fails if that takes more than most+1 calls of Next.
func drain[T any](t *testing.T, reader *bookcsv.Reader[T], most int) []T {
	t.Helper()
	var rows []T
	for range most + 1 {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err == nil {
			rows = append(rows, row)
			continue
		}
		if _, ok := errors.AsType[*bookcsv.RowError](err); !ok {
			return rows
		}
	}
	t.Fatalf("no end after %d rows", most)
	return nil
}
