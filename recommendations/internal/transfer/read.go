package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/goodbooks"
)

// Progress reports how much of a file was read: bytes, of size bytes in all, and
// rows.
type Progress func(file string, read, size, rows int64)

// reporting is the state that the reading of all files shares.
type reporting struct {
	form     bookcsv.Options
	strict   bool
	progress Progress
	plan     *Plan // gets a report of each file
	mapped   map[string]bool
}

// use notes ids that are going to be stored; 0 is none.
func (r *reporting) use(reader, book int64) {
	if r.form.ReaderIDs != nil { // not in an export
		r.form.ReaderIDs.Use(reader)
		r.form.BookIDs.Use(book)
	}
}

// book returns the id of a book as its file has it, and reader that of a reader.
func (r *reporting) book(id int64) string   { return named(r.form.BookIDs, id) }
func (r *reporting) reader(id int64) string { return named(r.form.ReaderIDs, id) }

func named(ids *domain.Numbering, id int64) string {
	if ids != nil && ids.Text(id) != "" {
		return strconv.Quote(ids.Text(id))
	}
	return strconv.FormatInt(id, 10)
}

// each calls take for each row of a file. It counts and skips faulty rows and those of
// unknown books, or returns the first one when strict.
func each[T any](ctx context.Context, to *reporting, path string, open opener[T], take func(T, place) error) (err error) {
	from, err := openFile(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	rows, err := open(from.name, from)
	if err != nil {
		return err
	}
	report := &FileReport{Name: from.name, path: path}
	to.plan.Files = append(to.plan.Files, report)
	for row, err := range rows.All() {
		if report.Rows++; report.Rows%(1<<12) == 0 {
			to.progress(from.name, from.read.n, from.size, report.Rows)
		}
		if err == nil {
			err = take(row, place{from.name, rows.Line()})
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
	report.Shape = rows.Shape()
	for _, column := range report.Mapped {
		to.mapped[column] = true
	}
	return ctx.Err()
}

// reader yields the rows of a file.
type reader[T any] interface {
	All() iter.Seq2[T, error]
	Line() int // line on which the last row begins, 0 if that is not known
	Shape() bookcsv.Shape
}

// opener reads the header of a file and returns its rows.
type opener[T any] func(name string, from io.Reader) (reader[T], error)

// canonical opens a file with columns of the project or of a profile.
func canonical[T any](open func(string, io.Reader) (*bookcsv.Reader[T], error)) opener[T] {
	return func(name string, from io.Reader) (reader[T], error) {
		r, err := open(name, from)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
}

// published opens a table of goodbooks-10k that gives books their categories.
func published[T any](rows func(string, io.Reader) iter.Seq2[T, error]) opener[T] {
	return func(name string, from io.Reader) (reader[T], error) { return table[T](rows(name, from)), nil }
}

type table[T any] iter.Seq2[T, error]

func (t table[T]) All() iter.Seq2[T, error] { return iter.Seq2[T, error](t) }
func (table[T]) Line() int                  { return 0 }
func (table[T]) Shape() bookcsv.Shape       { return bookcsv.Shape{} }

// readBooks reads the books, sorted by id.
func readBooks(ctx context.Context, to *reporting, f Files) ([]domain.Book, error) {
	var books []domain.Book
	err := each(ctx, to, f.Books, canonical(to.form.Books), func(b domain.Book, at place) error {
		if isFraction(b.Price, b.Currency) {
			if to.plan.Fractions.Books++; to.plan.Fractions.Books == 1 {
				to.plan.Fractions.First = at.wrong("price", b.Price+" "+b.Currency).Error()
			}
		}
		books = append(books, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(books, func(a, b domain.Book) int { return cmp.Compare(a.ID, b.ID) })
	report := to.plan.Files[len(to.plan.Files)-1]
	switch theirs := report.Profile == bookcsv.Goodbooks; {
	case theirs:
		err = shelve(ctx, to, f, books)
	case f.Shelves != "":
		err = fmt.Errorf("%s has categories of its own or none; --shelves is only for the books of goodbooks-10k", report.Name)
	}
	for i := range books {
		if len(books[i].Categories) == 0 {
			books[i].Categories = []string{otherCategory}
		}
	}
	return books, err
}

// isFraction reports whether a price has more decimals than its currency.
func isFraction(price, code string) bool {
	_, decimals, _ := strings.Cut(price, ".")
	if decimals = strings.TrimRight(decimals, "0"); decimals == "" {
		return false
	}
	unit, err := currency.ParseISO(code)
	if err != nil {
		return false
	}
	most, _ := currency.Standard.Rounding(unit)
	return len(decimals) > most
}

// otherCategory is the category of a book that the files give none.
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
