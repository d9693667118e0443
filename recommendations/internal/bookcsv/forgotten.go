package bookcsv

import (
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
				parse: func(r *reader, cell string) error { return parseID(&r.ID, cell) },
				text:  func(r *reader) string { return strconv.FormatInt(r.ID, 10) },
			},
			{
				name:  "generation",
				parse: func(r *reader, cell string) error { return parseID(&r.Generation, cell) },
				text:  func(r *reader) string { return strconv.FormatInt(r.Generation, 10) },
			},
		},
	}
}
