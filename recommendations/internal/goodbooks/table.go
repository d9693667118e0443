package goodbooks

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
)

// table is a CSV file whose columns are found by name; unknown ones are passed
// over.
type table struct {
	file    string
	csv     *csv.Reader
	columns []string
	cells   []string // of the current row
}

func newTable(file string, source io.Reader) (*table, error) {
	t := &table{file: file, csv: csv.NewReader(source)}
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, t.wrong(1, "", "the file is empty: the first line must name the columns")
	}
	if err != nil {
		return nil, t.place(err)
	}
	for _, name := range header {
		t.columns = append(t.columns, strings.TrimSpace(strings.TrimPrefix(name, "\uFEFF")))
	}
	return t, nil
}

// rowReader reads one kind of table.
type rowReader[T any] interface {
	next() (T, error)
}

// rows reads a table to its end. After a faulty row it goes on with the next.
func rows[T any, R rowReader[T]](name string, source io.Reader, open func(string, io.Reader) (R, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		r, err := open(name, source)
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for {
			row, err := r.next()
			_, faulty := errors.AsType[*bookcsv.RowError](err)
			if errors.Is(err, io.EOF) || !yield(row, err) || err != nil && !faulty {
				return
			}
		}
	}
}

// column gives the place of a column that must be there.
func (t *table) column(name string) (int, error) {
	if c := slices.Index(t.columns, name); c >= 0 {
		return c, nil
	}
	return 0, t.wrong(1, "", fmt.Sprintf("column %q is missing", name))
}

// next reads a row, or gives io.EOF.
func (t *table) next() (err error) {
	if t.cells, err = t.csv.Read(); err != nil {
		return t.place(err)
	}
	return nil
}

// text is the cell of a column in the current row.
func (t *table) text(column int) string { return strings.TrimSpace(t.cells[column]) }

// number reads a cell that may be written as a fraction, such as 2008.0, as the
// set does where some cells of a column are empty. An empty cell is 0.
func (t *table) number(column int) (int64, error) {
	cell := t.text(column)
	if cell == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || v != math.Trunc(v) || math.Abs(v) >= 1<<53 {
		return 0, t.fault(column, fmt.Sprintf("%.40q is not a whole number", cell))
	}
	return int64(v), nil
}

// count is a number from least.
func (t *table) count(column int, least int64) (int64, error) {
	n, err := t.number(column)
	if err == nil && n < least {
		err = t.fault(column, fmt.Sprintf("%.40q is less than %d", t.text(column), least))
	}
	return n, err
}

// fault says what is wrong with a cell of the current row.
func (t *table) fault(column int, reason string) error {
	line, _ := t.csv.FieldPos(column)
	return t.wrong(line, t.columns[column], reason)
}

func (t *table) wrong(line int, column, reason string) error {
	return &bookcsv.RowError{File: t.file, Line: line, Column: column, Reason: reason}
}

// place turns an error of the CSV layer into one that says where it is.
func (t *table) place(err error) error {
	syntax, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case !ok:
		return fmt.Errorf("read %s: %w", t.file, err)
	case errors.Is(syntax.Err, csv.ErrFieldCount):
		return t.wrong(syntax.StartLine, "", "the row has not as many cells as the header")
	}
	return t.wrong(syntax.StartLine, "", syntax.Err.Error())
}
