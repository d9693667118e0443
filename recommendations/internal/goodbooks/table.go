package goodbooks

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
)

// table is a CSV file whose columns are found by name.
type table struct {
	file    string
	csv     *csv.Reader
	columns map[string]int // index by name
	cells   []string       // the current row
}

// rows reads a table to its end, one value per row. After a faulty row it
// continues with the next. The header must have the given columns; others are
// ignored.
func rows[T any](file string, source io.Reader, columns []string, parse func(*table) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		t, err := newTable(file, source, columns)
		if err != nil {
			yield(none, err)
			return
		}
		for {
			row, err := none, t.next()
			if err == nil {
				row, err = parse(t)
			}
			_, faulty := errors.AsType[*bookcsv.RowError](err)
			if errors.Is(err, io.EOF) || !yield(row, err) || err != nil && !faulty {
				return
			}
		}
	}
}

func newTable(file string, source io.Reader, required []string) (*table, error) {
	t := &table{file: file, csv: csv.NewReader(source), columns: map[string]int{}}
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, t.rowError(1, "", "the file is empty: the first line must name the columns")
	}
	if err != nil {
		return nil, t.locate(err)
	}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\uFEFF"))
		if _, ok := t.columns[name]; !ok {
			t.columns[name] = i
		}
	}
	for _, name := range required {
		if _, ok := t.columns[name]; !ok {
			return nil, t.rowError(1, "", fmt.Sprintf("column %q is missing", name))
		}
	}
	return t, nil
}

// next reads the next row. It returns io.EOF after the last.
func (t *table) next() (err error) {
	if t.cells, err = t.csv.Read(); err != nil {
		return t.locate(err)
	}
	return nil
}

// text returns the cell of the current row in a column.
func (t *table) text(column string) string { return strings.TrimSpace(t.cells[t.columns[column]]) }

// number parses a cell. It accepts whole numbers written as fractions, such as
// 2008.0: the set has them in columns with empty cells. An empty cell is 0.
func (t *table) number(column string) (int64, error) {
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

// count parses a number that must be at least least.
func (t *table) count(column string, least int64) (int64, error) {
	n, err := t.number(column)
	if err == nil && n < least {
		err = t.fault(column, fmt.Sprintf("%.40q is less than %d", t.text(column), least))
	}
	return n, err
}

// fault returns the error for a cell of the current row.
func (t *table) fault(column, reason string) error {
	line, _ := t.csv.FieldPos(t.columns[column])
	return t.rowError(line, column, reason)
}

func (t *table) rowError(line int, column, reason string) error {
	return &bookcsv.RowError{File: t.file, Line: line, Column: column, Reason: reason}
}

// locate adds file and line to an error of package csv.
func (t *table) locate(err error) error {
	syntax, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case !ok:
		return fmt.Errorf("read %s: %w", t.file, err)
	case errors.Is(syntax.Err, csv.ErrFieldCount):
		return t.rowError(syntax.StartLine, "", fmt.Sprintf("number of cells is %d, the header has %d", len(t.cells), t.csv.FieldsPerRecord))
	}
	return t.rowError(syntax.StartLine, "", syntax.Err.Error())
}
