package bookcsv

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
)

// Writer writes the rows of a file, with every column of the format.
type Writer[T any] struct {
	format  format[T]
	sources []source[T]
	csv     *csv.Writer
	rows    int
	begun   bool
}

func newWriter[T any](target io.Writer, f format[T]) *Writer[T] {
	return &Writer[T]{format: f, sources: f.sources(), csv: csv.NewWriter(target)}
}

// Write writes a row. It returns an error and writes nothing when a reader would
// refuse the row, or would not return it equal.
func (w *Writer[T]) Write(row T) error {
	w.rows++
	cells := w.format.text(&row)
	var back T
	if wrong := w.format.parseRow(&back, w.sources, cells); wrong != nil {
		return fmt.Errorf("write row %d: %s: %s", w.rows, wrong.column, wrong.reason)
	}
	if !reflect.DeepEqual(back, row) {
		return fmt.Errorf("write row %d: it would not be read back equal: is there white space at an end of a cell?", w.rows)
	}
	if err := w.header(); err != nil {
		return err
	}
	if err := w.csv.Write(cells); err != nil {
		return fmt.Errorf("write row %d: %w", w.rows, err)
	}
	return nil
}

// Flush writes buffered rows to the target. A file without rows has only the
// header.
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
	if err := w.csv.Write(w.format.names()); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	return nil
}
