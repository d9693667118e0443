package transfer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/transfer"
)

// kept is a store that keeps the last import request.
type kept struct{ req store.ImportRequest }

func (*kept) Head(context.Context) (store.Head, error) { return store.Head{}, nil }

func (*kept) Catalog(context.Context) (domain.Catalog, error) { return domain.Catalog{}, nil }

func (*kept) ExternalIDs(context.Context) ([]domain.ExternalID, bool, error) { return nil, false, nil }

func (*kept) Recorded(context.Context, []string) (map[string]domain.Interaction, error) {
	return nil, nil
}

func (k *kept) Import(_ context.Context, req store.ImportRequest) (store.ImportResult, error) {
	k.req = req
	return store.ImportResult{}, nil
}

// FuzzImport imports books and ratings, plain and compressed. It checks that both
// give the same result, that the books can be exported again, that each is there
// once, and that each faulty row is reported.
func FuzzImport(f *testing.F) {
	f.Add([]byte("book_id,title,author,year,categories,popularity\n1,T,A,1937,fantasy|classics,3\n1,T,A,1937,fantasy,3\n2,,A,,a,\n"), []byte("user_id,book_id,rating\n1,1,5\n1,9,5\n"), false)
	f.Add([]byte("book_id,goodreads_book_id,isbn,authors,original_publication_year,title,language_code,ratings_count\n1,7,1,A,2000.0,T,eng,5\n1,7,1,A,2000,T,eng,5\n"), []byte("user_id,book_id,rating\n"), true)
	f.Add([]byte("\x1f\x8b\x08\x00"), []byte("\x1f\x8b"), true)
	f.Add([]byte{}, []byte("rating\n6\n"), true)
	f.Fuzz(func(t *testing.T, books, ratings []byte, strict bool) {
		theirs := bytes.Contains(books, []byte("goodreads_book_id"))
		plain, sum, err := importBoth(t, books, ratings, theirs, strict)
		packed, sum2, err2 := importBoth(t, pack(t, books), pack(t, ratings), theirs, strict)
		isPacked := bytes.HasPrefix(books, []byte{0x1f, 0x8b}) || bytes.HasPrefix(ratings, []byte{0x1f, 0x8b})
		if same := (err == nil) == (err2 == nil) && cmp.Diff(sum, sum2, cmpopts.IgnoreUnexported(transfer.Plan{}, transfer.FileReport{})) == "" &&
			cmp.Diff(plain.Catalog, packed.Catalog) == ""; !same && !isPacked {
			t.Errorf("plain: %+v, %v; packed: %+v, %v", sum, err, sum2, err2)
		}
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes: %v", len(err.Error()), err)
			}
			return
		}
		writer, last := bookcsv.NewBookWriter(io.Discard), int64(0)
		for _, b := range plain.Catalog.Books {
			if err := writer.Write(b); err != nil || b.ID <= last {
				t.Errorf("%+v after book %d: %v", b, last, err)
			}
			last = b.ID
		}
		if sum.Ratings != plain.Ratings.Rows() || sum.Books.New != len(plain.Catalog.Books) || sum.Books.New == 0 {
			t.Errorf("%+v, but there are %d ratings and %d books", sum, plain.Ratings.Rows(), len(plain.Catalog.Books))
		}
	})
}

// importBoth imports books and ratings from files. theirs says that the books have
// the format of goodbooks-10k.
func importBoth(t *testing.T, books, ratings []byte, theirs, strict bool) (store.ImportRequest, *transfer.Plan, error) {
	t.Helper()
	dir, into := t.TempDir(), &kept{}
	files := transfer.Files{Books: filepath.Join(dir, "b.csv"), Ratings: []string{filepath.Join(dir, "r.csv")}}
	if theirs {
		files.Shelves, files.Tags = filepath.Join(dir, "s.csv"), filepath.Join(dir, "t.csv")
	}
	for path, content := range map[string][]byte{
		files.Books: books, files.Ratings[0]: ratings,
		filepath.Join(dir, "s.csv"): []byte("goodreads_book_id,tag_id,count\n7,1,5\n"), filepath.Join(dir, "t.csv"): []byte("tag_id,tag_name\n1,poetry\n"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := transfer.Read(t.Context(), into, files, transfer.Options{Strict: strict, Progress: func(string, int64, int64, int64) {}})
	if err == nil {
		err = plan.Check(transfer.Limits{Faulty: 100})
	}
	if err == nil {
		_, err = plan.Write(t.Context(), into, false)
	}
	if err != nil {
		return into.req, plan, err
	}
	for _, f := range plan.Files {
		counted := int64(0)
		for _, one := range f.Faults() {
			counted += one.Rows
			for _, wrong := range one.Examples {
				if wrong.Reason == "" {
					t.Errorf("reported %v, want a reason", wrong)
				}
			}
		}
		if counted > f.Faulty || f.Faulty+f.Unknown > f.Rows {
			t.Errorf("%+v: %d faulty rows by cause", f, counted)
		}
	}
	return into.req, plan, nil
}

func pack(t *testing.T, content []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
