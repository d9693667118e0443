package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/goodbooks"
)

// Progress reports how much of a file was read: bytes, of size bytes in all, and
// rows.
type Progress func(file string, read, size, rows int64)

// reporting is the state that the reading of all files shares.
type reporting struct {
	strict   bool
	progress Progress
	plan     *Plan // gets a report of each file
}

// each calls take for each row of a file. It counts and skips faulty rows and those of
// unknown books, or returns the first one when strict.
func each[T any](ctx context.Context, to *reporting, path string, rows opener[T], take func(T, place) error) (err error) {
	from, err := open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	all, line, err := rows(from)
	if err != nil {
		return err
	}
	report := &FileReport{Name: from.name}
	to.plan.Files = append(to.plan.Files, report)
	for row, err := range all {
		if report.Rows++; report.Rows%(1<<12) == 0 {
			to.progress(from.name, from.read.n, from.size, report.Rows)
		}
		if err == nil {
			err = take(row, place{from.name, line()})
		}
		if err == nil {
			continue
		}
		wrong, ok := errors.AsType[*bookcsv.RowError](err)
		if !ok || to.strict {
			return err
		}
		if _, ok := errors.AsType[*unknownBookError](err); !ok {
			report.fault(wrong)
		} else if report.Unknown++; report.Unknown == 1 {
			report.FirstUnknown = err.Error()
		}
	}
	to.progress(from.name, from.size, from.size, report.Rows)
	return ctx.Err()
}

// opener returns the rows of a file, and a function that returns the line on which
// the last row begins, or 0 if that is not known.
type opener[T any] func(*source) (rows iter.Seq2[T, error], line func() int, err error)

func noLine() int { return 0 }

// canonical opens a file in one of the project's own formats.
func canonical[T any](newReader func(string, io.Reader) (*bookcsv.Reader[T], error)) opener[T] {
	return func(s *source) (iter.Seq2[T, error], func() int, error) {
		r, err := newReader(s.name, s)
		if err != nil {
			return nil, nil, err
		}
		return r.All(), r.Line, nil
	}
}

// published opens a file of goodbooks-10k.
func published[T any](rows func(string, io.Reader) iter.Seq2[T, error]) opener[T] {
	return func(s *source) (iter.Seq2[T, error], func() int, error) { return rows(s.name, s), noLine, nil }
}

// isGoodbooks reports whether a books.csv is that of goodbooks-10k.
func isGoodbooks(s *source) bool { return s.has("book_id", "authors", "original_publication_year") }

// readBooks reads the books, in either of the two formats, sorted by id.
func readBooks(ctx context.Context, to *reporting, f Files) ([]domain.Book, error) {
	var books []domain.Book
	theirs := false
	rows := func(s *source) (iter.Seq2[domain.Book, error], func() int, error) {
		if theirs = isGoodbooks(s); theirs {
			return published(goodbooks.Books)(s)
		}
		if f.Shelves != "" {
			return nil, nil, fmt.Errorf("%s already has categories; --shelves is only for the books of goodbooks-10k", s.name)
		}
		return canonical(bookcsv.NewBookReader)(s)
	}
	seen := map[int64]bool{}
	err := each(ctx, to, f.Books, rows, func(b domain.Book, at place) error {
		if seen[b.ID] { // in goodbooks-10k only: bookcsv itself refuses repeated ids
			return at.wrong("book_id", fmt.Sprintf("%d appears twice", b.ID))
		}
		seen[b.ID] = true
		books = append(books, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(books, func(a, b domain.Book) int { return cmp.Compare(a.ID, b.ID) })
	if theirs {
		return books, shelve(ctx, to, f, books)
	}
	return books, nil
}

// otherCategory is the category of a book that no shelf gives one.
const otherCategory = "fiction"

// maxCategories is the most categories of a book. Those with most readers are
// kept.
const maxCategories = 4

// shelve sets the categories of the books of goodbooks-10k.
func shelve(ctx context.Context, to *reporting, f Files, books []domain.Book) error {
	if f.Shelves == "" {
		return errors.New("the books are those of goodbooks-10k, whose categories are in another file: " +
			"name it with --shelves (book_tags.csv with --tags tags.csv, or a table of shelf counts)")
	}
	shelved, err := readShelves(ctx, to, f)
	if err != nil {
		return err
	}
	for i := range books {
		list := shelved[books[i].ID].Categories()
		if len(list) == 0 {
			list = []string{otherCategory}
		}
		books[i].Categories = list[:min(len(list), maxCategories)]
	}
	return nil
}

// readShelves returns, by book, how many readers put it on each shelf.
func readShelves(ctx context.Context, to *reporting, f Files) (map[int64]goodbooks.Shelved, error) {
	shelved := map[int64]goodbooks.Shelved{}
	if f.Tags == "" {
		err := each(ctx, to, f.Shelves, published(goodbooks.Shelves), func(b goodbooks.BookShelves, _ place) error {
			shelved[b.BookID] = b.Shelved
			return nil
		})
		return shelved, err
	}
	shelf := map[int64]string{} // shelf of each tag
	err := each(ctx, to, f.Tags, published(goodbooks.Tags), func(t goodbooks.Tag, _ place) error {
		if name := t.Shelf(); name != "" {
			shelf[t.ID] = name
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	book := map[int64]int64{} // book of each Goodreads id
	err = each(ctx, to, f.Books, published(goodbooks.BookIDs), func(id goodbooks.BookID, _ place) error {
		book[id.Goodreads] = id.Book
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, to, f.Shelves, published(goodbooks.BookTags), func(t goodbooks.BookTag, _ place) error {
		id, name := book[t.Goodreads], shelf[t.Tag]
		if id == 0 || name == "" { // not a book of the catalogue, or not a genre
			return nil
		}
		if shelved[id] == nil {
			shelved[id] = goodbooks.Shelved{}
		}
		shelved[id][name] += t.Count
		return nil
	})
	return shelved, err
}
