package command

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/goodbooks"
)

// none is the value of a file flag that asks for no file.
const none = "none"

// lookBeside looks for files that were not given in the folder of the ratings, so
// that a data set is measured with everything it has. If --books was given, it does
// not look for shelves: those books have categories of their own.
func (e *evaluation) lookBeside() {
	if e.Books != "" && e.Books != none && e.Shelves == "" {
		return
	}
	for _, look := range []struct {
		file *string
		name string
	}{{&e.Books, "books.csv"}, {&e.Shelves, "shelves.csv"}} {
		switch *look.file {
		case none:
			*look.file = ""
		case "":
			for _, name := range []string{look.name, look.name + ".gz"} {
				path := filepath.Join(filepath.Dir(e.Ratings), name)
				if _, err := os.Stat(path); err == nil {
					*look.file = path
				}
			}
		}
	}
}

// read reads the ratings. isHeld reports whether a reader may be held out.
func (m *measuring) read(ctx context.Context) (d evaluate.Data, isHeld func(int64) bool, err error) {
	whole := map[int64]bool{}
	isHeld = func(reader int64) bool { return whole[reader] }
	var wrong error
	d, err = evaluate.NewData(nil, func(yield func(evaluate.Rating) bool) {
		for r, err := range m.ratings(ctx, m.Ratings) {
			whole[r.Reader] = true
			if wrong = err; err != nil || !yield(r) {
				return
			}
		}
		if m.MoreRatings == "" {
			return
		}
		for r, err := range m.ratings(ctx, m.MoreRatings) {
			if wrong = err; err != nil || !whole[r.Reader] && !yield(r) {
				return
			}
		}
	})
	return d, isHeld, errors.Join(wrong, err)
}

// ratings yields the rows of a file up to the first error.
func (m *measuring) ratings(ctx context.Context, path string) func(func(evaluate.Rating, error) bool) {
	return func(yield func(evaluate.Rating, error) bool) {
		m.progress("reading " + path)
		file, err := openUnpacked(path)
		if err != nil {
			yield(evaluate.Rating{}, err)
			return
		}
		defer file.Close()
		rows, err := m.form.Ratings(path, file)
		if err != nil {
			yield(evaluate.Rating{}, err)
			return
		}
		m.found(rows.Shape())
		const often = 1 << 12
		n := 0
		for r, err := range rows.All() {
			if n++; err == nil && n%often == 0 {
				err = ctx.Err()
			}
			if !yield(evaluate.Rating{Reader: r.UserID, Book: r.BookID, Stars: r.Stars}, err) || err != nil {
				return
			}
		}
	}
}

// describe sets the authors and categories of the items, as far as the files have
// them.
func (m *measuring) describe(items []int64) error {
	categories := map[int64][]string{}
	if m.Books != "" {
		authors := map[string]int32{}
		m.authors = slices.Repeat([]int32{-1}, len(items))
		for b, err := range m.books() {
			if err != nil {
				return err
			}
			item, rated := slices.BinarySearch(items, b.ID)
			if !rated {
				continue
			}
			if _, known := authors[b.Author]; !known {
				authors[b.Author] = int32(len(authors))
			}
			if b.Author != "" {
				m.authors[item] = authors[b.Author]
			}
			if len(b.Categories) > 0 {
				categories[b.ID] = b.Categories
			}
		}
	}
	if m.Shelves != "" {
		m.progress("reading " + m.Shelves)
		file, err := openUnpacked(m.Shelves)
		if err != nil {
			return err
		}
		defer file.Close()
		for b, err := range goodbooks.Shelves(m.Shelves, file) {
			if err != nil {
				return err
			}
			categories[b.BookID] = b.Shelved.Categories()
		}
	}
	m.categorise(items, categories)
	return nil
}

// categorise numbers the categories in the order of their names.
func (m *measuring) categorise(items []int64, of map[int64][]string) {
	if len(of) == 0 {
		return
	}
	m.names = nil
	for _, names := range of {
		m.names = append(m.names, names...)
	}
	slices.Sort(m.names)
	m.names = slices.Compact(m.names)
	m.categories = make([][]int, len(items))
	for item, id := range items {
		for _, name := range of[id] {
			c, _ := slices.BinarySearch(m.names, name)
			m.categories[item] = append(m.categories[item], c)
		}
	}
}

// books yields the rows of --books.
func (m *measuring) books() iter.Seq2[domain.Book, error] {
	return func(yield func(domain.Book, error) bool) {
		m.progress("reading " + m.Books)
		file, err := openUnpacked(m.Books)
		if err != nil {
			yield(domain.Book{}, err)
			return
		}
		defer file.Close()
		rows, err := m.form.Books(m.Books, file)
		if err != nil {
			yield(domain.Book{}, err)
			return
		}
		m.found(rows.Shape())
		for b, err := range rows.All() {
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// found notes which columns of --map a file has.
func (m *measuring) found(s bookcsv.Shape) {
	for _, column := range s.Mapped {
		m.mapped[column] = true
	}
}

// openUnpacked opens a file and decompresses it if it is gzip, whatever its name.
func openUnpacked(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReader(file)
	if start, _ := buffered.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return unpacked{buffered, file}, nil
	}
	packed, err := gzip.NewReader(buffered)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return unpacked{packed, file}, nil
}

type unpacked struct {
	io.Reader
	io.Closer
}
