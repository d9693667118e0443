package bookcsv

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxRecord is the longest row, in bytes. The longest valid description fits.
const maxRecord = 1 << 20

// Reader reads the rows of a file, one at a time.
type Reader[T any] struct {
	file    string
	format  format[T]
	columns []column[T] // the file's columns, in its order
	csv     *csv.Reader
	budget  *budget
	lineOf  map[int64]int // line of each id; nil when ids need not be unique
	last    int           // line on which the last row read begins
	final   error         // once set, Next always returns it
}

// newReader reads the header. Errors call the file name.
func newReader[T any](name string, source io.Reader, f format[T]) (*Reader[T], error) {
	limited := &budget{source: source, left: maxRecord}
	buffered := bufio.NewReader(limited)
	if start, _ := buffered.Peek(len(byteOrderMark)); bytes.Equal(start, []byte(byteOrderMark)) {
		_, _ = buffered.Discard(len(byteOrderMark))
	}
	r := &Reader[T]{file: name, format: f, csv: csv.NewReader(buffered), budget: limited}
	r.csv.ReuseRecord = true
	header, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, &RowError{File: name, Line: 1, Reason: "the file is empty: the first line must name the columns"}
	}
	if err != nil {
		return nil, r.locate(err, 0)
	}
	r.last, _ = r.csv.FieldPos(0)
	if r.columns, err = f.arrange(header); err != nil {
		return nil, &RowError{File: name, Line: r.last, Reason: err.Error()}
	}
	if f.id != nil {
		r.lineOf = make(map[int64]int)
	}
	return r, nil
}

// byteOrderMark begins a UTF-8 file that a spreadsheet program has written.
const byteOrderMark = "\uFEFF"

// Next returns the next row, or io.EOF after the last. After a *RowError the
// caller can continue with the next row; any other error is final.
func (r *Reader[T]) Next() (T, error) {
	var none T
	if r.final != nil {
		return none, r.final
	}
	r.budget.left = maxRecord
	cells, err := r.csv.Read()
	if err != nil {
		err = r.locate(err, len(cells))
		if _, ok := errors.AsType[*RowError](err); !ok {
			r.final = err
		}
		return none, err
	}
	r.last, _ = r.csv.FieldPos(0)
	row, wrong := r.format.parseRow(r.columns, cells)
	if wrong == nil {
		wrong = r.remember(&row)
	}
	if wrong != nil {
		return none, &RowError{File: r.file, Line: r.line(wrong), Column: wrong.column, Reason: wrong.reason}
	}
	return row, nil
}

// Line returns the line on which the row that Next returned last begins.
func (r *Reader[T]) Line() int { return r.last }

// All returns an iterator over the remaining rows. It yields each row or error,
// and stops after the last row or a final error.
func (r *Reader[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for r.final == nil {
			row, err := r.Next()
			if errors.Is(err, io.EOF) || !yield(row, err) {
				return
			}
		}
	}
}

// ReadAll reads a whole file with a reader that open returns, such as
// [NewBookReader]. It stops at the first error, also at a faulty row.
func ReadAll[T any](name string, source io.Reader, open func(string, io.Reader) (*Reader[T], error)) ([]T, error) {
	reader, err := open(name, source)
	if err != nil {
		return nil, err
	}
	var rows []T
	for row, err := range reader.All() {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// remember refuses a row with the id of an earlier row.
func (r *Reader[T]) remember(row *T) *fault {
	if r.lineOf == nil {
		return nil
	}
	id := r.format.id(row)
	if line, taken := r.lineOf[id]; taken {
		return &fault{column: r.format.columns[0].name, reason: fmt.Sprintf("%d is already on line %d", id, line)}
	}
	r.lineOf[id] = r.last
	return nil
}

// line returns the line of a fault: a row with line breaks in quoted cells has
// several lines.
func (r *Reader[T]) line(wrong *fault) int {
	for i, c := range r.columns {
		if c.name == wrong.column {
			line, _ := r.csv.FieldPos(i)
			return line
		}
	}
	return r.last
}

// locate adds file and line to an error of package csv, for a row of so many cells.
func (r *Reader[T]) locate(err error, cells int) error {
	syntax, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read %s after line %d: %w", r.file, r.last, err)
	}
	wrong := &RowError{File: r.file, Line: syntax.StartLine}
	switch {
	case errors.Is(syntax.Err, csv.ErrFieldCount):
		wrong.Reason = fmt.Sprintf("number of cells is %d, the header has %d", cells, r.csv.FieldsPerRecord)
	case errors.Is(syntax.Err, csv.ErrBareQuote):
		wrong.Reason = `a cell has a " but does not begin with one`
	case errors.Is(syntax.Err, csv.ErrQuote):
		wrong.Reason = `a cell that begins with a " continues after the closing ", or has none`
	default:
		wrong.Reason = syntax.Err.Error()
	}
	if syntax.Line > syntax.StartLine {
		wrong.Reason += fmt.Sprintf(" (noticed on line %d; the lines up to it are skipped)", syntax.Line)
	}
	return wrong
}

// budget is an io.Reader that fails once a row is longer than maxRecord.
type budget struct {
	source io.Reader
	left   int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRecordTooLong
	}
	n, err := b.source.Read(p)
	b.left -= n
	return n, err
}
