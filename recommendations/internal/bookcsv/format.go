package bookcsv

import (
	"errors"
	"strings"
)

// format describes one kind of file, whose rows have type T.
type format[T any] struct {
	columns []column[T] // columns in the order of writing
	// check applies the rules that concern several cells. It may be nil.
	check func(*T) *fault
	// id returns the value that must be unique in the file, which is in the first
	// column. It is nil when no value must be.
	id func(*T) int64
}

// column parses and formats one column. The error of parse is the reason only;
// the reader adds the place.
type column[T any] struct {
	name     string
	optional bool // a file need not have it
	parse    func(row *T, cell string) error
	text     func(row *T) string
}

// fault is what is wrong with a row, without the line.
type fault struct {
	column string
	reason string
}

// parseRow parses the cells of a row. Both Reader and Writer use it, so they
// accept the same rows.
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

// text formats the cells of a row.
func (f *format[T]) text(row *T) []string {
	cells := make([]string, len(f.columns))
	for i, c := range f.columns {
		cells[i] = c.text(row)
	}
	return cells
}

// arrange returns the columns in the order of a file's header.
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
			return nil, errors.New("unknown column " + quote(name) + "; the columns are " + strings.Join(f.names(), ","))
		case found[name]:
			return nil, errors.New("column " + quote(name) + " appears twice")
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

func (f *format[T]) names() []string {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.name
	}
	return names
}
