package bookcsv

import (
	"errors"
	"strings"
)

// format is one kind of file: its columns in the order they are written, and
// what holds between the cells of a row.
type format[T any] struct {
	columns []column[T]
	// check is for rules over several cells; it may be nil.
	check func(*T) *fault
	// id is the value that must be unique in the file; nil where none is.
	id func(*T) int64
}

// column is one column in both directions. The error of parse is the reason
// only; where it happened is added by the reader.
type column[T any] struct {
	name     string
	optional bool // the file may be without it
	parse    func(row *T, cell string) error
	text     func(row *T) string
}

// fault is what is wrong with a row, without its place.
type fault struct {
	column string
	reason string
}

// parseRow makes a row of cells. A reader and a writer both go through it, so
// they cannot differ in what they accept.
func (f *format[T]) parseRow(columns []column[T], cells []string) (T, *fault) {
	var row, none T
	for i, c := range columns {
		if err := c.parse(&row, strings.TrimSpace(cells[i])); err != nil {
			return none, &fault{column: c.name, reason: err.Error()}
		}
	}
	if f.check != nil {
		if wrong := f.check(&row); wrong != nil {
			return none, wrong
		}
	}
	return row, nil
}

// reread makes a row of the cells of another.
func (f *format[T]) reread(of T) (T, *fault) {
	cells := make([]string, len(f.columns))
	for i, c := range f.columns {
		cells[i] = c.text(&of)
	}
	return f.parseRow(f.columns, cells)
}

// arrange puts the columns in the order of a file's header.
func (f *format[T]) arrange(header []string) ([]column[T], error) {
	byName := make(map[string]column[T], len(f.columns))
	for _, c := range f.columns {
		byName[c.name] = c
	}
	arranged := make([]column[T], 0, len(header))
	found := make(map[string]bool, len(header))
	for _, cell := range header {
		name := strings.TrimSpace(cell)
		c, known := byName[name]
		switch {
		case !known:
			return nil, errors.New("unknown column " + quote(name) + "; the columns are " + f.names())
		case found[name]:
			return nil, errors.New("column " + quote(name) + " is there twice")
		}
		found[name] = true
		arranged = append(arranged, c)
	}
	for _, c := range f.columns {
		if !c.optional && !found[c.name] {
			return nil, errors.New("column " + quote(c.name) + " is missing")
		}
	}
	return arranged, nil
}

func (f *format[T]) names() string {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.name
	}
	return strings.Join(names, ",")
}
