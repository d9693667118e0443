package bookcsv

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
)

// Writer writes the rows of one file, with every column of the format.
type Writer[T any] struct {
	format format[T]
	csv    *csv.Writer
	cells  []string
	rows   int
	begun  bool
}

func newWriter[T any](target io.Writer, f format[T]) *Writer[T] {
	return &Writer[T]{format: f, csv: csv.NewWriter(target), cells: make([]string, len(f.columns))}
}

// Write writes a row. It refuses one that a reader would refuse, or would not
// give back equal; nothing is written then.
func (w *Writer[T]) Write(row T) error {
	w.rows++
	for i, c := range w.format.columns {
		w.cells[i] = c.text(&row)
	}
	back, wrong := w.format.parseRow(w.format.columns, w.cells)
	if wrong != nil {
		return fmt.Errorf("write row %d: %s: %s", w.rows, wrong.column, wrong.reason)
	}
	if !reflect.DeepEqual(back, row) {
		return fmt.Errorf("write row %d: it would not be read back equal: white space at an end of a cell?", w.rows)
	}
	if err := w.header(); err != nil {
		return err
	}
	if err := w.csv.Write(w.cells); err != nil {
		return fmt.Errorf("write row %d: %w", w.rows, err)
	}
	return nil
}

// Flush writes out what is buffered; a file without rows gets its header.
func (w *Writer[T]) Flush() error {
	if err := w.header(); err != nil {
		return err
	}
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (w *Writer[T]) header() error {
	if w.begun {
		return nil
	}
	w.begun = true
	names := make([]string, len(w.format.columns))
	for i, c := range w.format.columns {
		names[i] = c.name
	}
	if err := w.csv.Write(names); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	return nil
}
