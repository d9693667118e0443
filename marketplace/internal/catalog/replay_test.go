package catalog

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

// demonstration and goodbooks are files of books by real authors.
const (
	demonstration = "../../../recommendations/internal/sample/data/books.csv"
	goodbooks     = "goodbooks/books.csv.gz" // in BOOKSTALL_DATA
)

// realBooks reads title, author and popularity of a file of books.
func realBooks(tb testing.TB, path, author, popularity string) Contents {
	tb.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && path != demonstration {
		tb.Skipf("SKIP (counted): optional data: no %s; set BOOKSTALL_DATA to the folder that holds goodbooks/", path)
	} else if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			tb.Fatal(err)
		}
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	c := Contents{Version: "real"}
	for i, row := range rows[1:] {
		title, series, _ := strings.Cut(row[column("title")], " (") // goodbooks has "Title (Series, #1)"
		n, err := strconv.ParseInt(row[column(popularity)], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		c.Books = append(c.Books, Book{
			ID: int64(i) + 1, Title: title, Author: row[column(author)], Series: strings.TrimSuffix(series, ")"), Popularity: n,
			Categories: []string{"fiction"},
		})
	}
	return c
}

func goodbooksPath() string {
	return filepath.Join(os.Getenv("BOOKSTALL_DATA"), goodbooks)
}

// mistype makes a typing mistake in a word: a letter wrong, missing, doubled or too many,
// or two letters in the wrong order.
func mistype(word []rune, rng *rand.Rand) []rune {
	i := rng.IntN(len(word))
	letter := rune('a' + rng.IntN(26))
	switch rng.IntN(4) {
	case 0:
		return slices.Replace(slices.Clone(word), i, i+1, letter)
	case 1:
		return slices.Delete(slices.Clone(word), i, i+1)
	case 2:
		return slices.Insert(slices.Clone(word), i, letter)
	}
	i = rng.IntN(len(word) - 1)
	swapped := slices.Clone(word)
	swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	return swapped
}

// mistyped makes the mistakes that a search forgives in one word of a title: one in a
// word of 5 letters and more, two from 9. ok is false if the title has no such word.
func mistyped(title string, rng *rand.Rand) (text string, ok bool) {
	fields := strings.Fields(title)
	for _, i := range rng.Perm(len(fields)) {
		word := []rune(fields[i])
		if slices.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxLatin1 || !unicode.IsLetter(r) }) || edits(len(word)) == 0 {
			continue
		}
		for range edits(len(word)) {
			word = mistype(word, rng)
		}
		fields[i] = string(word)
		return strings.Join(fields, " "), true
	}
	return "", false
}

// Real titles are found, also with typing mistakes.
func TestReplay(t *testing.T) {
	for _, set := range []struct{ name, path, author, popularity string }{
		{"demonstration", demonstration, "author", "popularity"},
		{"goodbooks", goodbooksPath(), "authors", "ratings_count"},
	} {
		t.Run(set.name, func(t *testing.T) {
			contents := realBooks(t, set.path, set.author, set.popularity)
			c := open(t, contents)
			rng := rand.New(rand.NewPCG(1, 1))
			var exact, first, asked, third int
			var missed []string
			times := make([]time.Duration, 0, len(contents.Books))
			for _, b := range contents.Books {
				exact++
				if page := c.List(Query{Text: b.Title, Limit: 1}); page.Total > 0 && strings.EqualFold(page.Books[0].Title, b.Title) {
					first++
				}
				text, ok := mistyped(b.Title, rng)
				if !ok {
					continue
				}
				asked++
				began := time.Now()
				books := c.List(Query{Text: text, Limit: 3}).Books
				times = append(times, time.Since(began))
				if slices.ContainsFunc(books, func(found *Book) bool { return strings.EqualFold(found.Title, b.Title) }) {
					third++
				} else if len(missed) < 20 {
					missed = append(missed, text+" for "+b.Title)
				}
			}
			slices.Sort(times)
			t.Logf("%d of %d titles first; %d of %d with mistakes among the first three; p50 %v, p99 %v", first, exact, third, asked, times[len(times)/2], times[len(times)*99/100])
			if first*100 < exact*98 || third*100 < asked*97 {
				t.Errorf("want 98 %% first, and 97 %% with mistakes among the first three; not found:\n%s", strings.Join(missed, "\n"))
			}
		})
	}
}
