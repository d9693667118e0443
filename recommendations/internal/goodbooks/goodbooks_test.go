package goodbooks_test

import (
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/goodbooks"
)

// all returns the rows before the first error, and the error.
func all[T any](rows iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for row, err := range rows {
		if err != nil {
			return list, err
		}
		list = append(list, row)
	}
	return list, nil
}

func TestTablesReportFaults(t *testing.T) {
	const header = "tag_id,tag_name\n"
	row := func(cells string) string { return header + "1,a\n" + cells + "\n" }
	for file, want := range map[string]string{
		"":           "t.csv:1: the file is empty",
		"tag_id\n":   `t.csv:1: column "tag_name" is missing`,
		row("-1,a"):  `t.csv:3: tag_id: "-1" is less than 0`,
		row("x,a"):   `t.csv:3: tag_id: "x" is not a whole number`,
		row("1.5,a"): `t.csv:3: tag_id: "1.5" is not a whole number`,
		row("NaN,a"): `t.csv:3: tag_id: "NaN" is not a whole number`,
		row("2"):     "t.csv:3: number of cells is 1, the header has 2",
		row(`2,A"B`): "t.csv:3: ",
	} {
		_, err := all(goodbooks.Tags("t.csv", strings.NewReader(file)))
		if _, ok := errors.AsType[*bookcsv.RowError](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want a RowError %q", file, err, want)
		}
	}
	broken := io.MultiReader(strings.NewReader(header), readerOf(io.ErrUnexpectedEOF))
	if _, err := all(goodbooks.Tags("t.csv", broken)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Tags of a failing source: %v, want io.ErrUnexpectedEOF", err)
	}
}

// readerOf returns a reader that fails with err.
func readerOf(err error) io.Reader {
	r, w := io.Pipe()
	_ = w.CloseWithError(err) // always nil
	return r
}

func TestCategories(t *testing.T) {
	tests := []struct {
		name    string
		shelved goodbooks.Shelved
		want    []string
	}{
		{"none", nil, nil},
		{"one", goodbooks.Shelved{"Horror": 1}, []string{"horror"}},
		{"a fifth is enough", goodbooks.Shelved{"Horror": 100, "Poetry": 20, "History": 19}, []string{"horror", "poetry"}},
		{"the most first", goodbooks.Shelved{"Fiction": 80, "Romance": 100, "Fantasy": 90}, []string{"romance", "fantasy", "fiction"}},
		{"ties in the order of names", goodbooks.Shelved{"Fiction": 9, "Classics": 9}, []string{"classics", "fiction"}},
		{"the largest of several shelves, not their sum",
			goodbooks.Shelved{"Romance": 100, "Crime": 12, "Mystery": 15, "Thriller": 12}, []string{"romance"}},
		{"genres without a category count", goodbooks.Shelved{"Cookbooks": 100, "Nonfiction": 21, "Science": 10}, []string{"non-fiction"}},
		{"ebooks do not", goodbooks.Shelved{"Ebooks": 1000, "Nonfiction": 21}, []string{"non-fiction"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.shelved.Categories()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestShelvesReportFaults(t *testing.T) {
	for file, want := range map[string]string{
		"Fantasy\n3\n":   `s.csv:1: column "book_id" is missing`,
		"book_id,Art\n":  `s.csv:1: column "Contemporary" is missing`,
		"":               "s.csv:1: the file is empty",
		"book_id,\"Art,": "s.csv:1: ",
	} {
		if _, err := all(goodbooks.Shelves("s.csv", strings.NewReader(file))); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
}

// TestPublishedFiles reads the data set itself, if it is there.
func TestPublishedFiles(t *testing.T) {
	dir := os.Getenv("BOOKSTALL_DATA")
	if dir == "" {
		dir = "../shared/data"
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("../../..", dir)
	}
	dir = filepath.Join(dir, "goodbooks")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIP (counted): optional data: no %s; set BOOKSTALL_DATA to the folder that holds goodbooks/", dir)
	}
	books, err := bookcsv.ReadAll("books.csv.gz", unpack(t, dir, "books.csv.gz"), bookcsv.NewBookReader)
	if err != nil {
		t.Fatal(err)
	}
	inSeries := 0
	for _, b := range books {
		if b.Series != "" {
			inSeries++
		}
		if b.Title == "" || b.Author == "" {
			t.Errorf("book %d: %+v", b.ID, b)
		}
	}
	if len(books) != 10_000 || inSeries < 4000 {
		t.Errorf("%d books, %d in a series", len(books), inSeries)
	}

	shelves, err := all(goodbooks.Shelves("shelves.csv.gz", unpack(t, dir, "shelves.csv.gz")))
	if err != nil {
		t.Fatal(err)
	}
	counts, without := map[string]int{}, 0
	of := map[int64][]string{}
	for _, b := range shelves {
		of[b.BookID] = b.Shelved.Categories()
		for _, c := range of[b.BookID] {
			counts[c]++
		}
		if len(of[b.BookID]) == 0 {
			without++
		}
	}
	want := map[string]int{
		"fantasy": 2639, "science-fiction": 760, "mystery-thriller": 1840, "romance": 2302, "horror": 554,
		"historical-fiction": 1035, "classics": 1240, "young-adult": 1928, "children": 564, "comics": 445, "poetry": 161,
		"biography-memoir": 659, "history": 489, "self-help": 356, "religion-philosophy": 574, "science-business": 365,
		"fiction": 5908, "non-fiction": 1200,
	}
	if diff := cmp.Diff(want, counts); diff != "" || without != 87 {
		t.Errorf("%d books without a category, want 87; books by category (-want +got):\n%s", without, diff)
	}
	// The Hunger Games, To Kill a Mockingbird, The Hobbit.
	for id, want := range map[int64][]string{
		1: {"young-adult", "fiction", "fantasy", "science-fiction"}, 4: {"classics"}, 7: {"fantasy", "classics", "fiction"},
	} {
		if diff := cmp.Diff(want, of[id]); diff != "" {
			t.Errorf("book %d (-want +got):\n%s", id, diff)
		}
	}
}

func unpack(t *testing.T, dir, name string) io.Reader {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return unpacked
}
