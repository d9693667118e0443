package bookcsv

import (
	"fmt"
	"io"
	"strconv"

	"bookstall/recommendations/internal/domain"
)

// NewForgottenReader reads the header of a forgotten.csv, the readers who were forgotten.
// Errors call the file name.
func NewForgottenReader(name string, r io.Reader) (*Reader[domain.ForgottenReader], error) {
	return newReader(name, r, forgottenFormat(), Options{})
}

// NewForgottenWriter returns a writer of a forgotten.csv. The caller must call Flush at the
// end.
func NewForgottenWriter(w io.Writer) *Writer[domain.ForgottenReader] {
	return newWriter(w, forgottenFormat())
}

func forgottenFormat() format[domain.ForgottenReader] {
	type reader = domain.ForgottenReader
	return format[reader]{
		id: func(r *reader) int64 { return r.ID },
		columns: []column[reader]{
			{
				name:  "user_id",
				parse: func(r *reader, cell string) error { return parseID(&r.ID, nil, cell) },
				text:  func(r *reader) string { return strconv.FormatInt(r.ID, 10) },
			},
			{
				name:  "generation",
				parse: func(r *reader, cell string) error { return parseID(&r.Generation, nil, cell) },
				text:  func(r *reader) string { return strconv.FormatInt(r.Generation, 10) },
			},
		},
	}
}

// NewReaderIDReader reads the header of a readers.csv, the readers whose ids are texts. Errors
// call the file name.
func NewReaderIDReader(name string, r io.Reader) (*Reader[domain.ExternalID], error) {
	return newReader(name, r, readerIDFormat(), Options{})
}

// NewReaderIDWriter returns a writer of a readers.csv. The caller must call Flush at the end.
func NewReaderIDWriter(w io.Writer) *Writer[domain.ExternalID] {
	return newWriter(w, readerIDFormat())
}

func readerIDFormat() format[domain.ExternalID] {
	type reader = domain.ExternalID
	return format[reader]{
		id: func(r *reader) int64 { return r.ID },
		columns: []column[reader]{
			{
				name:  "user_id",
				parse: func(r *reader, cell string) error { r.Kind = domain.ReaderID; return parseID(&r.ID, nil, cell) },
				text:  func(r *reader) string { return strconv.FormatInt(r.ID, 10) },
			},
			{
				name: "external_id",
				parse: func(r *reader, cell string) error {
					if reason := domain.CheckExternalID(cell); reason != "" {
						return fmt.Errorf("%s %s", quote(cell), reason)
					}
					r.Text = cell
					return nil
				},
				text: func(r *reader) string { return r.Text },
			},
		},
	}
}
