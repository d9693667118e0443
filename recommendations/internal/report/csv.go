package report

import (
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"bookstall/internal/atomicfile"
	"bookstall/internal/spreadsheet"
)

// The files of WriteCSV.
const (
	weeksFile  = "weeks.csv"
	booksFile  = "books.csv"
	modelsFile = "models.csv"
	shownFile  = "shown.csv"
)

// WriteCSV writes the report to four files of a folder, which it makes: weeks.csv, books.csv
// with every book of the catalogue, shown.csv and models.csv. Files of an earlier report are
// replaced.
func (r *Report) WriteCSV(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	files := []struct {
		name string
		rows [][]string
	}{
		{weeksFile, r.weekRows()},
		{booksFile, r.bookRows()},
		{shownFile, r.shownRows()},
		{modelsFile, r.modelRows()},
	}
	for _, f := range files {
		err := atomicfile.Write(filepath.Join(dir, f.name), 0o644, func(to io.Writer) error {
			return csv.NewWriter(to).WriteAll(f.rows)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) weekRows() [][]string {
	rows := [][]string{{"week", "readers", "new_readers", "views", "likes", "ratings", "purchases"}}
	for _, w := range r.Weeks {
		rows = append(rows, append([]string{w.Monday.Format(time.DateOnly)},
			numbers(w.Readers, w.New, w.Views, w.Likes, w.Ratings, w.Purchases)...))
	}
	return rows
}

func (r *Report) bookRows() [][]string {
	rows := [][]string{{"book_id", "title", "author", "readers", "liked_by", "bought_by", "liked_in_weeks", "bought_in_weeks", "external_id"}}
	for _, b := range r.Books {
		row := append([]string{strconv.FormatInt(b.ID, 10), spreadsheet.Cell(b.Title), spreadsheet.Cell(b.Author)},
			numbers(b.Readers, b.Liked, b.Bought, b.LikedLately, b.BoughtLately)...)
		rows = append(rows, append(row, spreadsheet.Cell(b.ExternalID)))
	}
	return rows
}

func (r *Report) shownRows() [][]string {
	rows := [][]string{{"shelves", "readers", "per_shelf", "different_books", "coverage", "bestsellers", "bestseller_share"}}
	if s := r.Shown; s != nil {
		row := numbers(s.Readers, s.Of, s.PerShelf, s.Books)
		row = append(row, fraction(share(s.Books, len(r.Books))), strconv.Itoa(s.Top), fraction(s.Bestsellers))
		rows = append(rows, row)
	}
	return rows
}

func (r *Report) modelRows() [][]string {
	rows := [][]string{{"model", "made", "readers", "ndcg@100", "state"}}
	for _, m := range r.Models {
		rows = append(rows, []string{m.Version, m.Made.UTC().Format(time.RFC3339), strconv.Itoa(m.Readers), m.Quality(), m.State()})
	}
	return rows
}

func numbers(list ...int) (cells []string) {
	for _, n := range list {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

func fraction(share float64) string { return strconv.FormatFloat(share, 'f', 4, 64) }
