package bookcsv

import (
	"errors"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/domain"
)

// format describes one kind of file, whose rows have type T.
type format[T any] struct {
	columns []column[T] // columns in the order of writing
	// check applies the rules that concern several cells, and completes the row. It may be
	// nil.
	check func(*T) *fault
	note  func(*Shape) // adds what the rows so far did not say; nil if nothing
	// id returns the value that must be unique in the file, which is in the first
	// column. It is nil when no value must be.
	id       func(*T) int64
	ids      *domain.Numbering // of the values of id; nil if they are numbers
	profiles []profile
}

// column parses and formats one column. The error of parse is the reason only;
// the reader adds the place.
type column[T any] struct {
	name     string
	optional bool // a file need not have it
	parse    func(row *T, cell string) error
	text     func(row *T) string
}

// source is where the cells of a column come from.
type source[T any] struct {
	column[T]
	title    string // its name in the file
	at       []int  // indexes of cells: the first that is not empty counts
	sum      bool   // the sum of all of these cells counts
	constant string // the cell, if there are no indexes
	convert  func(cell string) (string, error)
	lenient  bool
}

// fault is what is wrong with a row, without the line.
type fault struct {
	column string
	reason string
}

// unrated is the fault of a row without a rating.
func (f *fault) unrated() bool { return f.reason == errUnrated.Error() }

// cell returns the cell of a row.
func (s *source[T]) cell(cells []string) (string, error) {
	if s.sum {
		return s.total(cells)
	}
	cell := s.constant
	for _, at := range s.at {
		if cell = strings.TrimSpace(cells[at]); cell != "" && cell != `=""` {
			break
		}
	}
	if s.convert == nil || cell == "" {
		return cell, nil
	}
	cell, err := s.convert(cell)
	if errors.Is(err, errUnrated) {
		return "", nil
	}
	return cell, err
}

// total returns the sum of the cells of a row.
func (s *source[T]) total(cells []string) (string, error) {
	var sum int64
	for _, at := range s.at {
		var n int64
		if err := parseCount(&n, strings.TrimSpace(cells[at])); err != nil {
			return "", err
		}
		sum += n
	}
	return strconv.FormatInt(sum, 10), nil
}

// parseRow parses the cells of a row into row, which is zero. Both Reader and Writer use it, so they
// accept the same rows.
func (f *format[T]) parseRow(row *T, sources []source[T], cells []string) *fault {
	for i := range sources {
		s := &sources[i]
		cell, err := s.cell(cells)
		if err == nil {
			err = s.parse(row, cell)
		}
		if err != nil && !s.lenient {
			return &fault{column: s.name, reason: err.Error()}
		}
	}
	if f.check != nil {
		return f.check(row)
	}
	return nil
}

// sources returns the columns in the order of writing.
func (f *format[T]) sources() []source[T] {
	list := make([]source[T], len(f.columns))
	for i, c := range f.columns {
		list[i] = source[T]{column: c, title: c.name, at: []int{i}}
	}
	return list
}

// text formats the cells of a row.
func (f *format[T]) text(row *T) []string {
	cells := make([]string, len(f.columns))
	for i, c := range f.columns {
		cells[i] = c.text(row)
	}
	return cells
}

func (f *format[T]) names() []string {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.name
	}
	return names
}
