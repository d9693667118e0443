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

// published holds goodbooks-10k (Zygmunt Zajac, CC BY-SA 4.0).
type published struct {
	capped []evaluate.Rating // version 1 of the set: at most 100 ratings per book
	full   []evaluate.Rating // version 2 of the set: whole histories of 5 % of its readers
	whole  map[int64]bool    // the readers in full
	union  evaluate.Data     // the whole histories, and the capped ones of all other readers

	authors    []int32  // a number for the first author of each book
	categories [][]int  // of each book, the main one first
	names      []string // names of the categories
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

// openGoodbooks reads the set once, or skips the test if it is absent.
func openGoodbooks(tb testing.TB) published {
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

var readGoodbooks = sync.OnceValues(func() (g published, err error) {
	if g.capped, err = readRatings("ratings-v1.csv.gz"); err != nil {
		return g, err
	}
	if g.full, err = readRatings("ratings-full-histories.csv.gz"); err != nil {
		return g, err
	}
	g.whole = map[int64]bool{}
	for _, r := range g.full {
		g.whole[r.Reader] = true
	}
	if g.union, err = evaluate.NewData(catalogue(), g.join); err != nil {
		return g, err
	}
	if g.authors, err = readAuthors(); err != nil {
		return g, err
	}
	g.categories, g.names, err = readCategories()
	return g, err
})

// join yields the ratings of the union.
func (g published) join(yield func(evaluate.Rating) bool) {
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

// isWhole reports whether the history of a reader of the union is complete.
func (g published) isWhole(reader int64) bool { return g.whole[reader] }

// split returns the union with fold 0 held out, by which docs/recommender.md measures.
func (g published) split() evaluate.Split { return g.union.Split(0, g.isWhole) }

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

// unpack opens a file of the set that is compressed with gzip. The caller must close the
// file.
func unpack(name string) (*os.File, io.Reader, error) {
	file, err := os.Open(filepath.Join(dataDir(), name))
	if err != nil {
		return nil, nil, err
	}
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, unpacked, nil
}

func readRatings(name string) ([]evaluate.Rating, error) {
	file, unpacked, err := unpack(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := bookcsv.ReadAll(name, unpacked, bookcsv.NewRatingReader)
	if err != nil {
		return nil, err
	}
	var list []evaluate.Rating
	for _, r := range rows {
		list = append(list, evaluate.Rating{Reader: r.UserID, Book: r.BookID, Stars: r.Stars})
	}
	return list, nil
}

func readAuthors() ([]int32, error) {
	const name = "books.csv.gz"
	file, unpacked, err := unpack(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	numbers := map[string]int32{}
	list := make([]int32, 10_000)
	books, err := bookcsv.ReadAll(name, unpacked, bookcsv.NewBookReader)
	if err != nil {
		return nil, err
	}
	for _, b := range books {
		if _, known := numbers[b.Author]; !known {
			numbers[b.Author] = int32(len(numbers))
		}
		list[b.ID-1] = numbers[b.Author]
	}
	return list, nil
}

func readCategories() (categories [][]int, names []string, err error) {
	const name = "shelves.csv.gz"
	file, unpacked, err := unpack(name)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	categories = make([][]int, 10_000)
	for book, err := range goodbooks.Shelves(name, unpacked) {
		if err != nil {
			return nil, nil, err
		}
		for _, name := range book.Shelved.Categories() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			i := book.BookID - 1
			categories[i] = append(categories[i], slices.Index(names, name))
		}
	}
	return categories, names, nil
}
