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

// maxRecord bounds one row in bytes. The longest legal description fits.
const maxRecord = 1 << 20

// Reader reads the rows of one file, one at a time.
type Reader[T any] struct {
	file    string
	format  format[T]
	columns []column[T] // as the file has them
	csv     *csv.Reader
	budget  *budget
	lineOf  map[int64]int // of each id; nil where rows have none
	last    int           // line of the last record, for errors without one
	final   error         // once set, every Next returns it
}

// newReader reads the header. name is what errors call the file.
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
		return nil, r.place(err)
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

// byteOrderMark is what spreadsheets put before UTF-8.
const byteOrderMark = "\uFEFF"

// Next returns the next row, and io.EOF after the last. After a *RowError the
// caller can go on with the row that follows; any other error is final.
func (r *Reader[T]) Next() (T, error) {
	var none T
	if r.final != nil {
		return none, r.final
	}
	r.budget.left = maxRecord
	cells, err := r.csv.Read()
	if err != nil {
		err = r.place(err)
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

// Line is the line on which the row that Next gave last begins.
func (r *Reader[T]) Line() int { return r.last }

// All is Next for range: it yields each row or error, and stops after the last
// row or an error that is final.
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

// remember refuses an id that an earlier row has.
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

// line is where a fault is: a row with a quoted line break has several.
func (r *Reader[T]) line(wrong *fault) int {
	for i, c := range r.columns {
		if c.name == wrong.column {
			line, _ := r.csv.FieldPos(i)
			return line
		}
	}
	return r.last
}

// place turns an error of the CSV layer into one that says where it is.
func (r *Reader[T]) place(err error) error {
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
		wrong.Reason = "the row has not as many cells as the header"
	case errors.Is(syntax.Err, csv.ErrBareQuote):
		wrong.Reason = `a cell has a " but does not begin with one`
	case errors.Is(syntax.Err, csv.ErrQuote):
		wrong.Reason = `a cell begins with a " and goes on, or the file ends, after its closing one`
	default:
		wrong.Reason = syntax.Err.Error()
	}
	if syntax.Line > syntax.StartLine {
		wrong.Reason += fmt.Sprintf(" (on line %d; the lines up to it are lost)", syntax.Line)
	}
	return wrong
}

// budget stops reading within one row when the row grows past any sense.
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
