package evaluate_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"bookstall/recommendations/internal/evaluate"
)

const (
	root = "../../.." // of the repository
	// defaultData is where the data lies, from root, unless BOOKSTALL_DATA says
	// otherwise: beside the repository, which it is never part of.
	defaultData = "../shared/data"
)

// goodbooks is ratings of goodbooks-10k (Zygmunt Zajac, CC BY-SA 4.0).
type goodbooks struct {
	capped []evaluate.Rating // version 1 of the set, at most 100 ratings a book
	full   []evaluate.Rating // whole histories of 5 % of the readers of version 2
	whole  map[int64]bool    // readers of full
}

// dataDir is the folder of the goodbooks files.
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

// openGoodbooks reads the ratings, or skips the test where they are absent.
func openGoodbooks(tb testing.TB) goodbooks {
	tb.Helper()
	dir := dataDir()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		tb.Skipf("SKIP (counted): optional data: no %s; set BOOKSTALL_DATA to the folder that holds goodbooks/", dir)
	}
	g := goodbooks{
		capped: readRatings(tb, filepath.Join(dir, "ratings-v1.csv.gz")),
		full:   readRatings(tb, filepath.Join(dir, "ratings-full-histories.csv.gz")),
		whole:  map[int64]bool{},
	}
	for _, r := range g.full {
		g.whole[r.Reader] = true
	}
	return g
}

// union is the whole histories, and of all other readers the capped ones.
func (g goodbooks) union() iter.Seq[evaluate.Rating] {
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

// isWhole says whether the history of a reader of the union is complete.
func (g goodbooks) isWhole(reader int64) bool { return g.whole[reader] }

// catalogue is the ids of the set, 1 to 10,000.
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

// readRatings reads a packed CSV file with the columns user_id, book_id and
// rating in any order.
func readRatings(tb testing.TB, path string) []evaluate.Rating {
	tb.Helper()
	var ratings []evaluate.Rating
	var columns []int
	for record := range records(tb, path) {
		if columns == nil {
			for _, name := range []string{"user_id", "book_id", "rating"} {
				columns = append(columns, slices.Index(record, name))
			}
			if slices.Contains(columns, -1) {
				tb.Fatalf("%s: columns are %q", path, record)
			}
			continue
		}
		var n [3]int64
		for k, c := range columns {
			var err error
			if n[k], err = strconv.ParseInt(record[c], 10, 64); err != nil {
				tb.Fatalf("%s: %v", path, err)
			}
		}
		ratings = append(ratings, evaluate.Rating{Reader: n[0], Book: n[1], Stars: int(n[2])})
	}
	return ratings
}

// records yields the lines of a packed CSV file; each is valid until the next.
func records(tb testing.TB, path string) iter.Seq[[]string] {
	tb.Helper()
	return func(yield func([]string) bool) {
		file, err := os.Open(path)
		if err != nil {
			tb.Fatal(err)
		}
		defer func() { _ = file.Close() }() // it was only read
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		lines := csv.NewReader(unpacked)
		lines.ReuseRecord = true
		for {
			record, err := lines.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				tb.Fatalf("%s: %v", path, err)
			}
			if !yield(record) {
				return
			}
		}
	}
}

// shelfCategories gives the categories of each book: every shelf (genre) with at
// least a fifth of the readers of the book's largest one, the largest first.
func shelfCategories(tb testing.TB) [][]int {
	tb.Helper()
	categories := make([][]int, 10_000)
	for record := range records(tb, filepath.Join(dataDir(), "shelves.csv.gz")) {
		id, err := strconv.Atoi(record[1])
		if err != nil {
			continue // the line of column names
		}
		counts := make([]float64, 0, 40)
		for _, cell := range record[6:] {
			n, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				tb.Fatal(err)
			}
			counts = append(counts, n)
		}
		largest := slices.Max(counts)
		for c, n := range counts {
			if n > 0 && n >= largest/5 {
				categories[id-1] = append(categories[id-1], c)
			}
		}
		slices.SortStableFunc(categories[id-1], func(a, b int) int { return int(counts[b] - counts[a]) })
	}
	return categories
}
