package bookcsv_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// randomText returns text with characters that are special in CSV or Unicode.
func randomText(random *rand.Rand, most int) string {
	pieces := []string{`"`, `,`, `""`, `\.`, `|`, "é", "読", "e\u0301", "#", "'", "=1+1", "a", "B", " ", "–", "\u2028", "\u200b"}
	var b strings.Builder
	for range random.IntN(most) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return strings.TrimSpace(b.String())
}

func randomBook(random *rand.Rand, id int64) domain.Book {
	slugs := []string{"fantasy", "self-help", "x1", "a-b-c", "9"}
	random.Shuffle(len(slugs), func(i, j int) { slugs[i], slugs[j] = slugs[j], slugs[i] })
	b := domain.Book{
		ID:         id,
		Title:      "T" + randomText(random, 12),
		Author:     randomText(random, 12) + "A",
		Year:       random.IntN(4000) - 1500,
		Categories: slugs[:1+random.IntN(4)],
		Popularity: random.Int64N(1<<48 + 1),
		Series:     randomText(random, 6),
	}
	if random.IntN(2) == 0 {
		b.ISBN = "978026110221" + string(rune('0'+random.IntN(10)))
		b.Description = strings.TrimSpace(randomText(random, 20) + "\n\n\t" + randomText(random, 20))
		b.Price, b.Currency, b.Language = "0.5", "EUR", "sr-Latn-RS"
		b.Availability = []domain.Availability{"", domain.Available, domain.Unavailable}[random.IntN(3)]
		b.Stock, b.Hidden, b.Pages = new(random.Int64N(3)), random.IntN(2) == 0, random.IntN(3)
		b.BuyURL, b.Publisher, b.Format = "https://shop.example/?a=1,2", randomText(random, 6), randomText(random, 6)
		b.Series, b.SeriesNumber = "S"+b.Series, randomText(random, 3)
		for range random.IntN(3) {
			b.Contributors = append(b.Contributors, domain.Contributor{Name: "N (é", Role: []string{"", "editor"}[random.IntN(2)]})
		}
		b.Added = time.Unix([]int64{1, 1763683200, 1763719200}[random.IntN(3)], 0).UTC() // the second is midnight
		b.Gone = random.IntN(2) == 0
		b.ExternalID = randomText(random, 8)
	}
	return b
}

func TestBooksRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var books []domain.Book
	for id := range int64(2000) {
		books = append(books, randomBook(random, id+1))
	}
	var file bytes.Buffer
	writer := bookcsv.NewBookWriter(&file)
	for _, b := range books {
		if err := writer.Write(b); err != nil {
			t.Fatalf("%#v: %v", b, err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	got, faults := readBooks(t, file.String())
	if diff := cmp.Diff(books, got); diff != "" || len(faults) > 0 {
		t.Errorf("faults %q, books (-written +read):\n%s", faults, diff)
	}
}

// writtenHeader is the header of a file of books that was written.
var writtenHeader = strings.Replace(fullHeader, "book_id,", "book_id,external_id,", 1)

func TestRatingsAndSamplesRoundTrip(t *testing.T) {
	ratings := []domain.Rating{{UserID: 1, BookID: 2, Stars: 5}, {UserID: 1 << 62, BookID: 3, Stars: 1}}
	samples := []domain.SampleReader{{ID: 1, Label: `Synthetic reader 1: "poetry", Homer`}}
	var ratingFile, sampleFile bytes.Buffer
	writeAll(t, bookcsv.NewRatingWriter(&ratingFile), ratings)
	writeAll(t, bookcsv.NewSampleWriter(&sampleFile), samples)
	ratingReader, err := bookcsv.NewRatingReader("ratings.csv", &ratingFile)
	if err != nil {
		t.Fatal(err)
	}
	sampleReader, err := bookcsv.NewSampleReader("samples.csv", &sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ratings, readAll(t, ratingReader)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(samples, readAll(t, sampleReader)); diff != "" {
		t.Error(diff)
	}
}

func TestRatingReaderFaults(t *testing.T) {
	content := "rating,user_id,book_id\n5,1,2\n0,1,3\n6,1,3\n4,0,3\n,1,3\n1,1,3\n-1,1,3\n60,1,3\ngood,1,3\nNaN,1,3\n"
	reader, err := bookcsv.NewRatingReader("ratings.csv", strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rating, err := range reader.All() {
		if err != nil {
			got = append(got, err.Error())
		} else if rating.UserID != 1 {
			t.Errorf("got %v, want ratings of user 1 only", rating)
		}
	}
	want := []string{
		`ratings.csv:4: rating: "6" is above 5: ratings up to 10 need --scale=10`,
		"ratings.csv:5: user_id: 0 is less than 1",
		`ratings.csv:8: rating: "-1" is less than 0`,
		`ratings.csv:9: rating: "60" is above 5: if that is not the highest rating, say so with --scale`,
		`ratings.csv:10: rating: "good" is not a number`,
		`ratings.csv:11: rating: "NaN" is not a number`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := reader.Shape().Unrated; n != 2 {
		t.Errorf("%d rows without a rating, want 2", n)
	}
}

func TestWriterRefusesWhatAReaderRefuses(t *testing.T) {
	good := domain.Book{ID: 1, Title: "T", Author: "A", Categories: []string{"a"}}
	for want, change := range map[string]func(*domain.Book){
		`title: is empty`: func(b *domain.Book) { b.Title = "" },
		`it would not be read back equal: is there white space at an end of a cell?`: func(b *domain.Book) { b.Title = "T " },
		`description: "a\rb" has the control character U+000D`:                       func(b *domain.Book) { b.Description = "a\rb" },
		`currency: is empty, but price is "1"`:                                       func(b *domain.Book) { b.Price = "1" },
	} {
		var file bytes.Buffer
		writer := bookcsv.NewBookWriter(&file)
		book := good
		change(&book)
		if err := writer.Write(book); err == nil || err.Error() != "write row 1: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := writer.Flush(); err != nil || file.String() != writtenHeader {
			t.Errorf("the file has more than the header: %q, %v", file.String(), err)
		}
	}
}

func TestWriterRefusesSeparatorInCategory(t *testing.T) {
	book := domain.Book{ID: 1, Title: "T", Author: "A", Categories: []string{"a|b"}}
	if err := bookcsv.NewBookWriter(io.Discard).Write(book); err == nil {
		t.Error("a category that contains a separator was written as two")
	}
}

func TestWriterReportsErrorOfTarget(t *testing.T) {
	broken := errors.New("disk full")
	writer := bookcsv.NewRatingWriter(errorWriter{broken})
	if err := writer.Write(domain.Rating{UserID: 1, BookID: 1, Stars: 1}); err != nil {
		t.Fatal(err)
	}
	if err := writer.Flush(); !errors.Is(err, broken) {
		t.Errorf("Flush: %v, want the error of the writer", err)
	}
}

type errorWriter struct{ err error }

func (w errorWriter) Write([]byte) (int, error) { return 0, w.err }

func writeAll[T any](t *testing.T, writer *bookcsv.Writer[T], rows []T) {
	t.Helper()
	for _, row := range rows {
		if err := writer.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
}

func readAll[T any](t *testing.T, reader *bookcsv.Reader[T]) []T {
	t.Helper()
	var rows []T
	for row, err := range reader.All() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}
