package bookcsv_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
)

// FuzzInteractionReader checks that interactions that are read are valid and can
// be written and read again.
func FuzzInteractionReader(f *testing.F) {
	const header = "user_id,book_id,kind,rating,id,at\n"
	f.Add([]byte(header + "7,1,rating,5,a-1,2026-11-21T10:00:00.123456Z\n7,1,like,,a-2,2026-11-21T10:00:00+01:00\n"))
	f.Add([]byte(header + "7,1,view,,a,0000-01-01T00:00:00+01:00\n"))
	f.Add([]byte(header + "7,1,purchase,0,\"a\"\"b\",9999-12-31T23:59:59.9999999-01:00\n7,1\n"))
	f.Add([]byte("at,id,rating,kind,book_id,user_id\r\n2026-11-21T10:00:00Z,a,,unlike,1,9223372036854775807\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		list := readAndWrite(t, content, bookcsv.NewInteractionReader, bookcsv.NewInteractionWriter)
		for _, i := range list {
			if err := i.Validate(); err != nil {
				t.Errorf("read %+v: %v", i, err)
			}
		}
	})
}

// FuzzSampleReader checks that sample readers that are read can be written and
// read again.
func FuzzSampleReader(f *testing.F) {
	f.Add([]byte("user_id,label\n7,Synthetic reader 7: fantasy\n"))
	f.Add([]byte("\uFEFFlabel,user_id\r\n\"a\"\"b\",1\r\n\xff,2\r\n,3\r\nx,1\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, s := range readAndWrite(t, content, bookcsv.NewSampleReader, bookcsv.NewSampleWriter) {
			if s.ID < 1 || s.Label == "" {
				t.Errorf("read %+v", s)
			}
		}
	})
}

// readAndWrite returns the valid rows of content, and checks that they are read
// back equal once written.
func readAndWrite[T any](t *testing.T, content []byte,
	newReader func(string, io.Reader) (*bookcsv.Reader[T], error), newWriter func(io.Writer) *bookcsv.Writer[T],
) []T {
	t.Helper()
	reader, err := newReader("rows.csv", bytes.NewReader(content))
	if err != nil {
		return nil
	}
	rows := drain(t, reader, len(content))
	var file bytes.Buffer
	writeAll(t, newWriter(&file), rows)
	again, err := newReader("rows.csv", &file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, readAll(t, again)); diff != "" {
		t.Error(diff)
	}
	return rows
}
