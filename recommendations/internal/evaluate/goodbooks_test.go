package evaluate_test

import (
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/goodbooks"
)

const (
	root = "../../.." // repository root
	// defaultData is the folder of the data relative to root, unless
	// BOOKSTALL_DATA is set. It is outside the repository.
	defaultData = "../shared/data"
)

// ratings holds the ratings of goodbooks-10k (Zygmunt Zajac, CC BY-SA 4.0).
type ratings struct {
	capped []evaluate.Rating // version 1 of the set: at most 100 ratings per book
	full   []evaluate.Rating // version 2 of the set: whole histories of 5 % of its readers
	whole  map[int64]bool    // the readers in full
}

// dataDir returns the folder of the goodbooks files.
func dataDir() string {
	dir := os.Getenv("BOOKSTALL_DATA")
	if dir == "" {
		dir = defaultData
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	return filepath.Join(dir, "goodbooks")
}

// openGoodbooks reads the ratings once, or skips the test if they are absent.
func openGoodbooks(tb testing.TB) ratings {
	tb.Helper()
	dir := dataDir()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		tb.Skipf("SKIP (counted): optional data: no %s; set BOOKSTALL_DATA to the folder that holds goodbooks/", dir)
	}
	g, err := readGoodbooks()
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

var readGoodbooks = sync.OnceValues(func() (g ratings, err error) {
	if g.capped, err = readRatings(filepath.Join(dataDir(), "ratings-v1.csv.gz")); err != nil {
		return g, err
	}
	if g.full, err = readRatings(filepath.Join(dataDir(), "ratings-full-histories.csv.gz")); err != nil {
		return g, err
	}
	g.whole = map[int64]bool{}
	for _, r := range g.full {
		g.whole[r.Reader] = true
	}
	return g, nil
})

// union returns the whole histories, and the capped ones of all other readers.
func (g ratings) union() iter.Seq[evaluate.Rating] {
	return func(yield func(evaluate.Rating) bool) {
		for _, r := range g.full {
			if !yield(r) {
				return
			}
		}
		for _, r := range g.capped {
			if !g.whole[r.Reader] && !yield(r) {
				return
			}
		}
	}
}

// isWhole reports whether the history of a reader of the union is complete.
func (g ratings) isWhole(reader int64) bool { return g.whole[reader] }

// catalogue returns the ids of the set's books, 1 to 10,000.
func catalogue() []int64 {
	ids := make([]int64, 10_000)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	return ids
}

func newData(tb testing.TB, ratings iter.Seq[evaluate.Rating]) evaluate.Data {
	tb.Helper()
	d, err := evaluate.NewData(catalogue(), ratings)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// readRatings reads a file compressed with gzip.
func readRatings(path string) ([]evaluate.Rating, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	rows, err := bookcsv.ReadAll(path, unpacked, bookcsv.NewRatingReader)
	if err != nil {
		return nil, err
	}
	var list []evaluate.Rating
	for _, r := range rows {
		list = append(list, evaluate.Rating{Reader: r.UserID, Book: r.BookID, Stars: r.Stars})
	}
	return list, nil
}

// authors returns a number for the first author of each book.
func authors(tb testing.TB) []int32 {
	tb.Helper()
	numbers := map[string]int32{}
	list := make([]int32, 10_000)
	books, err := bookcsv.ReadAll("books.csv.gz", unpack(tb, "books.csv.gz"), bookcsv.NewBookReader)
	if err != nil {
		tb.Fatal(err)
	}
	for _, b := range books {
		if _, known := numbers[b.Author]; !known {
			numbers[b.Author] = int32(len(numbers))
		}
		list[b.ID-1] = numbers[b.Author]
	}
	return list
}

func unpack(tb testing.TB, name string) io.Reader {
	tb.Helper()
	file, err := os.Open(filepath.Join(dataDir(), name))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { file.Close() })
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	return unpacked
}

// shelfCategories returns the categories of each book, the main one first, and the
// names of the categories.
func shelfCategories(tb testing.TB) (categories [][]int, names []string) {
	tb.Helper()
	categories = make([][]int, 10_000)
	for book, err := range goodbooks.Shelves("shelves.csv.gz", unpack(tb, "shelves.csv.gz")) {
		if err != nil {
			tb.Fatal(err)
		}
		for _, name := range book.Shelved.Categories() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			i := book.BookID - 1
			categories[i] = append(categories[i], slices.Index(names, name))
		}
	}
	return categories, names
}
