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

// Progress tells how far the reading of a file is: bytes of how many, and rows.
type Progress func(file string, read, size, rows int64)

// reporting is what the reading of all files shares.
type reporting struct {
	strict   bool
	report   func(error) // a faulty row
	progress Progress
	faulty   int64
}

// each reads all rows of a file. A faulty row is reported and passed over, or,
// when strict, ends the reading.
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
	n := int64(0)
	for row, err := range all {
		if n++; n%(1<<12) == 0 {
			to.progress(from.name, from.read.n, from.size, n)
		}
		if err == nil {
			err = take(row, place{from.name, line()})
		}
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*bookcsv.RowError](err); !ok || to.strict {
			return err
		}
		to.faulty++
		to.report(err)
	}
	to.progress(from.name, from.size, from.size, n)
	return ctx.Err()
}

// opener makes rows of a file, and tells on which line the last one begins; 0
// where that is not known.
type opener[T any] func(*source) (rows iter.Seq2[T, error], line func() int, err error)

func noLine() int { return 0 }

// canonical makes rows of one of the project's own formats.
func canonical[T any](newReader func(string, io.Reader) (*bookcsv.Reader[T], error)) opener[T] {
	return func(s *source) (iter.Seq2[T, error], func() int, error) {
		r, err := newReader(s.name, s)
		if err != nil {
			return nil, nil, err
		}
		return r.All(), r.Line, nil
	}
}

// published makes rows of a file of goodbooks-10k.
func published[T any](rows func(string, io.Reader) iter.Seq2[T, error]) opener[T] {
	return func(s *source) (iter.Seq2[T, error], func() int, error) { return rows(s.name, s), noLine, nil }
}

// isGoodbooks reports whether a books file is that of goodbooks-10k.
func isGoodbooks(s *source) bool { return s.has("book_id", "authors", "original_publication_year") }

// readBooks reads a catalogue in one of the two formats that are known.
func readBooks(ctx context.Context, to *reporting, f Files) ([]domain.Book, error) {
	var books []domain.Book
	theirs := false
	rows := func(s *source) (iter.Seq2[domain.Book, error], func() int, error) {
		if theirs = isGoodbooks(s); theirs {
			return published(goodbooks.Books)(s)
		}
		if f.Shelves != "" {
			return nil, nil, fmt.Errorf("%s has categories of its own; --shelves belongs to the books of goodbooks-10k", s.name)
		}
		return canonical(bookcsv.NewBookReader)(s)
	}
	seen := map[int64]bool{}
	err := each(ctx, to, f.Books, rows, func(b domain.Book, at place) error {
		if seen[b.ID] { // of the project's own format the reader says so itself, with the line
			return at.wrong("book_id", fmt.Sprintf("%d is there twice", b.ID))
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

// otherCategory is that of a book that is on no shelf which makes one.
const otherCategory = "fiction"

// maxCategories is how many a book has at most; those with most readers stay.
const maxCategories = 4

// shelve gives books of goodbooks-10k their categories.
func shelve(ctx context.Context, to *reporting, f Files, books []domain.Book) error {
	if f.Shelves == "" {
		return errors.New("the books are those of goodbooks-10k, which have their categories in another file: " +
			"give it by --shelves (book_tags.csv with --tags tags.csv, or shelf counts)")
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

// readShelves returns by book how many readers put it on which shelf.
func readShelves(ctx context.Context, to *reporting, f Files) (map[int64]goodbooks.Shelved, error) {
	shelved := map[int64]goodbooks.Shelved{}
	if f.Tags == "" {
		err := each(ctx, to, f.Shelves, published(goodbooks.Shelves), func(b goodbooks.BookShelves, _ place) error {
			shelved[b.BookID] = b.Shelved
			return nil
		})
		return shelved, err
	}
	shelf := map[int64]string{} // by tag
	err := each(ctx, to, f.Tags, published(goodbooks.Tags), func(t goodbooks.Tag, _ place) error {
		if name := t.Shelf(); name != "" {
			shelf[t.ID] = name
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	book := map[int64]int64{} // by the id that book_tags.csv has
	err = each(ctx, to, f.Books, published(goodbooks.BookIDs), func(id goodbooks.BookID, _ place) error {
		book[id.Goodreads] = id.Book
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, to, f.Shelves, published(goodbooks.BookTags), func(t goodbooks.BookTag, _ place) error {
		id, name := book[t.Goodreads], shelf[t.Tag]
		if id == 0 || name == "" { // of another book, or not a genre
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
