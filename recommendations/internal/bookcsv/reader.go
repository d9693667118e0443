package bookcsv

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"bookstall/internal/spreadsheet"
)

// maxRecord is the longest row, in bytes. The longest valid description fits.
const maxRecord = 1 << 20

// Reader reads the rows of a file, one at a time.
type Reader[T any] struct {
	file    string
	format  format[T]
	sources []source[T]
	shape   Shape
	text    *spreadsheet.Decoder
	csv     *csv.Reader
	budget  *budget
	before  int           // lines before those that csv counts
	lineOf  map[int64]int // line of each id; nil when ids need not be unique
	last    int           // line on which the last row read begins
	row     T             // the last row, in one place for all of millions
	final   error         // once set, Next always returns it
}

// newReader reads the header. Errors call the file name.
func newReader[T any](name string, from io.Reader, f format[T], o Options) (*Reader[T], error) {
	text := spreadsheet.NewDecoder(from)
	limited := &budget{source: text, left: maxRecord}
	r := &Reader[T]{file: name, format: f, text: text, budget: limited}
	r.csv, r.before = spreadsheet.Begin(limited)
	cells, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, &RowError{File: name, Line: 1, Reason: "the file is empty: the first line must name the columns"}
	}
	if err != nil {
		return nil, r.locate(err, nil)
	}
	r.last = r.lineAt(0)
	var found profile
	if r.sources, found, r.shape, err = f.arrange(newHeader(cells), o); err != nil {
		return nil, &RowError{File: name, Line: r.last, Reason: err.Error()}
	}
	r.shape.Separator, r.csv.LazyQuotes = r.csv.Comma, found.lazy
	if f.id != nil {
		r.lineOf = make(map[int64]int)
	}
	return r, nil
}

// Shape returns how the file was understood.
func (r *Reader[T]) Shape() Shape {
	r.shape.Encoding = r.text.Encoding()
	if r.format.note != nil {
		r.format.note(&r.shape)
	}
	return r.shape
}

// lineAt returns the line of a cell of the last row.
func (r *Reader[T]) lineAt(cell int) int {
	line, _ := r.csv.FieldPos(cell)
	return line + r.before
}

// Next returns the next row, or io.EOF after the last. After a *RowError the
// caller can continue with the next row; any other error is final. It skips rows without a
// rating, and those without any text, which spreadsheets write below and between the others.
func (r *Reader[T]) Next() (T, error) {
	var none T
	if r.final != nil {
		return none, r.final
	}
	for {
		r.budget.left = maxRecord
		cells, err := r.csv.Read()
		if spreadsheet.Blank(cells) && (err == nil || errors.Is(err, csv.ErrFieldCount)) {
			continue
		}
		if err != nil {
			err = r.locate(err, cells)
			if _, ok := errors.AsType[*RowError](err); !ok {
				r.final = err
			}
			return none, err
		}
		r.last = r.lineAt(0)
		r.row = none
		wrong := r.format.parseRow(&r.row, r.sources, cells)
		if wrong != nil && wrong.unrated() {
			r.shape.Unrated++
			continue
		}
		if wrong == nil {
			wrong = r.remember(&r.row)
		}
		if wrong != nil {
			return none, r.rowError(wrong, cells)
		}
		return r.row, nil
	}
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
		name := strconv.FormatInt(id, 10)
		if ids := r.format.ids; ids != nil && ids.Text(id) != "" {
			name = quote(ids.Text(id))
		}
		return &fault{column: r.format.columns[0].name, reason: fmt.Sprintf("%s is already on line %d", name, line)}
	}
	r.lineOf[id] = r.last
	return nil
}

// rowError adds the place to a fault: a row with line breaks in quoted cells has several
// lines, and a column may have another name in the file.
func (r *Reader[T]) rowError(wrong *fault, cells []string) *RowError {
	err := &RowError{File: r.file, Line: r.last, Column: wrong.column, Reason: wrong.reason, ID: r.idOf(cells)}
	for _, s := range r.sources {
		if s.name == wrong.column && len(s.at) > 0 {
			err.Line, err.Column = r.lineAt(s.at[0]), s.title
			if strings.Contains(cells[s.at[0]], "\n") {
				err.Swallowed = r.swallowed(cells)
			}
		}
	}
	return err
}

// locate adds file and line to an error of package csv, for a row of these cells.
func (r *Reader[T]) locate(err error, cells []string) error {
	syntax, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read %s after line %d: %w", r.file, r.last, err)
	}
	wrong := &RowError{File: r.file, Line: syntax.StartLine + r.before}
	last := syntax.Line + r.before
	wrong.Swallowed = last - wrong.Line // without cells, each line may be a row
	switch {
	case errors.Is(syntax.Err, csv.ErrFieldCount):
		wrong.Reason = fmt.Sprintf("number of cells is %d, the header has %d", len(cells), r.csv.FieldsPerRecord) + r.remedy(cells)
		last, wrong.Swallowed = r.lastLine(cells), r.swallowed(cells)
	case errors.Is(syntax.Err, csv.ErrBareQuote):
		wrong.Reason = `a cell has a " but does not begin with one: put quotes around the cell, and write each " in it twice`
	case errors.Is(syntax.Err, csv.ErrQuote):
		wrong.Reason = `a cell that begins with a " continues after the closing ", or has none: write each " in the cell twice, and one at its end`
	default:
		wrong.Reason = syntax.Err.Error()
	}
	if wrong.Swallowed > 0 {
		wrong.Reason += fmt.Sprintf(" (noticed on line %d; the lines up to it are skipped)", last)
	}
	if len(cells) > 0 && len(r.sources) > 0 && slices.Equal(r.sources[0].at, []int{0}) { // other cells may have moved
		wrong.ID = r.idOf(cells)
	}
	return wrong
}

// idOf returns the id of a faulty row, or 0.
func (r *Reader[T]) idOf(cells []string) int64 {
	if r.format.id == nil {
		return 0
	}
	var row T
	id := &r.sources[0] // see format.id
	cell, err := id.cell(cells)
	if err != nil || id.parse(&row, cell) != nil {
		return 0
	}
	return r.format.id(&row)
}

// lastLine returns the line on which the last row ends.
func (r *Reader[T]) lastLine(cells []string) int {
	last := len(cells) - 1
	return r.lineAt(last) + strings.Count(cells[last], "\n")
}

// swallowed returns how many rows a quote made part of the last row: as many as the row has
// separators for, on the lines after its first one. A title or a description with line breaks
// has none of its own.
func (r *Reader[T]) swallowed(cells []string) int {
	separators := len(cells) - 1
	for _, cell := range cells {
		if strings.Contains(cell, "\n") {
			separators += strings.Count(cell, string(r.csv.Comma))
		}
	}
	line, _ := r.csv.FieldPos(0)
	lines := r.lastLine(cells) - line - r.before
	perRow := r.csv.FieldsPerRecord - 1
	if perRow < 1 {
		return lines
	}
	return max(0, min(lines, separators/perRow-1))
}

// remedy says what may be wrong with a row of too few or too many cells.
func (r *Reader[T]) remedy(cells []string) string {
	if len(cells) > r.csv.FieldsPerRecord {
		return fmt.Sprintf(": a cell that contains %q needs quotes around it", r.csv.Comma)
	}
	for _, other := range spreadsheet.Separators {
		if len(cells) == 1 && other != r.csv.Comma && strings.Count(cells[0], string(other))+1 == r.csv.FieldsPerRecord {
			return fmt.Sprintf(": cells are separated by %q here, and by %q in the header", other, r.csv.Comma)
		}
	}
	return ""
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
