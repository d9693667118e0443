package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

const committed = "../data"

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// factsOnly writes a books.csv without the columns that the generator fills in,
// and returns its folder.
func factsOnly(t *testing.T) string {
	t.Helper()
	books := readBooks(t)
	for i := range books {
		books[i].Popularity, books[i].Price, books[i].Currency = 0, "", ""
	}
	content, err := encode(bookcsv.NewBookWriter, books)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "books.csv"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readBooks(t *testing.T) []domain.Book {
	t.Helper()
	books, err := bookcsv.ReadAll("books.csv", bytes.NewReader(read(t, committed, "books.csv")), bookcsv.NewBookReader)
	if err != nil {
		t.Fatal(err)
	}
	return books
}

func TestCommittedDataIsUpToDate(t *testing.T) {
	dir := factsOnly(t)
	for range 2 { // first from facts only, then from a complete file
		if err := run(context.Background(), []string{"-dir", dir}, io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"books.csv", "ratings.csv", "samples.csv"} {
			if !bytes.Equal(read(t, dir, name), read(t, committed, name)) {
				t.Errorf("%s differs: run `go generate ./recommendations/internal/sample`", name)
			}
		}
	}
}

func TestRatingsFileStaysSmall(t *testing.T) {
	if n := len(read(t, committed, "ratings.csv")); n > 400_000 {
		t.Errorf("ratings.csv has %d bytes; it is embedded in the binary", n)
	}
}

func TestRunFails(t *testing.T) {
	for name, test := range map[string]struct {
		books string
		args  []string
		want  string
	}{
		"no file":          {"", nil, "no such file"},
		"bad row":          {"book_id,title,author,year,categories,popularity\n1,,A,1,fantasy,\n", nil, "books.csv:2: title: is empty"},
		"unknown category": {"book_id,title,author,year,categories,popularity\n1,T,A,1,gardening,\n", nil, `book 1 has the category "gardening"`},
		"too few books for a reader": {
			"book_id,title,author,year,categories,popularity\n1,T,A,1,fantasy,\n", nil, "reader 1 has rated every book",
		},
		"extra argument": {"", []string{"x"}, `unexpected argument "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.books != "" {
				if err := os.WriteFile(filepath.Join(dir, "books.csv"), []byte(test.books), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := run(context.Background(), append([]string{"-dir", dir}, test.args...), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestRunStopsOnCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := factsOnly(t)
	if err := run(ctx, []string{"-dir", dir}, io.Discard, io.Discard); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(filepath.Join(dir, "ratings.csv")); err == nil {
		t.Error("a file was written")
	}
}

func TestHelp(t *testing.T) {
	var stderr bytes.Buffer
	if err := run(context.Background(), []string{"-h"}, io.Discard, &stderr); err != nil || !strings.Contains(stderr.String(), "-dir") {
		t.Errorf("got %v, %q", err, stderr.String())
	}
}

// The label of a sample reader must match what the reader likes.
func TestSampleReadersMatchTheirLabels(t *testing.T) {
	c, err := newCatalogue(readBooks(t))
	if err != nil {
		t.Fatal(err)
	}
	var people []reader
	for id := range int64(readers) {
		r, err := newReader(c, id+1)
		if err != nil {
			t.Fatal(err)
		}
		people = append(people, r)
	}
	samples, err := chooseSamples(c, people)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		r := people[s.ID-1]
		liked, inGenre := 0, 0
		for i, b := range r.read {
			if r.ratings[i].Stars >= domain.PositiveStars {
				liked++
				if c.themes[b][0] == r.taste.favourites[0] {
					inGenre++
				}
			}
		}
		if inGenre*2 < liked {
			t.Errorf("%s likes %d books, only %d of them in the genre", s.Label, liked, inGenre)
		}
		if !strings.Contains(s.Label, c.genres[r.taste.favourites[0]].name) {
			t.Errorf("%s: the favourite is %s", s.Label, c.genres[r.taste.favourites[0]].name)
		}
	}
}

func TestReadersFollowASeries(t *testing.T) {
	books := []domain.Book{
		{ID: 1, Title: "A", Author: "X", Categories: []string{"fantasy"}, Series: "S #1"},
		{ID: 2, Title: "B", Author: "X", Categories: []string{"fantasy"}, Series: "S #3"},
		{ID: 3, Title: "C", Author: "Y", Categories: []string{"fantasy"}, Series: "S"},
	}
	c, err := newCatalogue(books)
	if err != nil {
		t.Fatal(err)
	}
	if c.before[0] != -1 || c.before[1] != 0 || c.before[2] != -1 {
		t.Errorf("predecessors: %v, want -1, 0, -1", c.before)
	}
	unread, liked, disliked := c.inTurn(1, 1000, []int{0, 0, 0}), c.inTurn(1, 1000, []int{5, 0, 0}), c.inTurn(1, 1000, []int{2, 0, 0})
	if liked <= unread || unread <= disliked {
		t.Errorf("weights of the next book: %d when the first is liked, %d unread, %d disliked", liked, unread, disliked)
	}
	if alone := c.inTurn(2, 1000, []int{2, 2, 0}); alone != 1000 {
		t.Errorf("weight of a book without a number: %d, want 1000", alone)
	}
}
