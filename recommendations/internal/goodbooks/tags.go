package goodbooks

import (
	"io"
	"iter"
	"strings"
)

// BookID is how a book is called in two files of the set.
type BookID struct {
	Book      int64 // book_id, of books.csv, ratings and shelves
	Goodreads int64 // goodreads_book_id, of book_tags.csv
}

// BookIDs reads the two ids of each row of books.csv. Errors are as for [Books].
func BookIDs(name string, source io.Reader) iter.Seq2[BookID, error] {
	return rows(name, source, newIDReader)
}

type idReader struct {
	*table
	book, goodreads int
}

func newIDReader(name string, source io.Reader) (*idReader, error) {
	t, err := newTable(name, source)
	if err != nil {
		return nil, err
	}
	r := &idReader{table: t}
	if r.book, err = t.column("book_id"); err != nil {
		return nil, err
	}
	r.goodreads, err = t.column("goodreads_book_id")
	return r, err
}

func (r *idReader) next() (id BookID, err error) {
	if err := r.table.next(); err != nil {
		return BookID{}, err
	}
	if id.Book, err = r.count(r.book, 1); err != nil {
		return BookID{}, err
	}
	id.Goodreads, err = r.count(r.goodreads, 1)
	return id, err
}

// Tag is a row of tags.csv: a word that readers put on books.
type Tag struct {
	ID   int64
	Name string
}

// Tags reads tags.csv. Errors are as for [Books].
func Tags(name string, source io.Reader) iter.Seq2[Tag, error] {
	return rows(name, source, newTagReader)
}

type tagReader struct {
	*table
	id, name int
}

func newTagReader(name string, source io.Reader) (*tagReader, error) {
	t, err := newTable(name, source)
	if err != nil {
		return nil, err
	}
	r := &tagReader{table: t}
	if r.id, err = t.column("tag_id"); err != nil {
		return nil, err
	}
	r.name, err = t.column("tag_name")
	return r, err
}

func (r *tagReader) next() (Tag, error) {
	if err := r.table.next(); err != nil {
		return Tag{}, err
	}
	id, err := r.count(r.id, 0)
	return Tag{ID: id, Name: r.text(r.name)}, err
}

// Shelf is the shelf of the rule that a tag is the name of, such as "Science
// Fiction" for science-fiction; "" where there is none.
func (t Tag) Shelf() string {
	plain := func(name string) string {
		return strings.NewReplacer("-", "", " ", "", "'", "").Replace(strings.ToLower(name))
	}
	shelves := otherShelves()
	for _, c := range categories() {
		shelves = append(shelves, c.shelves...)
	}
	for _, shelf := range shelves {
		if plain(shelf) == plain(t.Name) {
			return shelf
		}
	}
	return ""
}

// BookTag is a row of book_tags.csv: how many readers put a tag on a book.
type BookTag struct {
	Goodreads int64 // of the book
	Tag       int64
	Count     int64
}

// BookTags reads book_tags.csv. Errors are as for [Books].
func BookTags(name string, source io.Reader) iter.Seq2[BookTag, error] {
	return rows(name, source, newBookTagReader)
}

type bookTagReader struct {
	*table
	book, tag, count int
}

func newBookTagReader(name string, source io.Reader) (*bookTagReader, error) {
	t, err := newTable(name, source)
	if err != nil {
		return nil, err
	}
	r := &bookTagReader{table: t}
	for _, c := range []struct {
		place *int
		name  string
	}{{&r.book, "goodreads_book_id"}, {&r.tag, "tag_id"}, {&r.count, "count"}} {
		if *c.place, err = t.column(c.name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *bookTagReader) next() (b BookTag, err error) {
	if err := r.table.next(); err != nil {
		return BookTag{}, err
	}
	if b.Goodreads, err = r.table.count(r.book, 1); err != nil {
		return BookTag{}, err
	}
	if b.Tag, err = r.table.count(r.tag, 0); err != nil {
		return BookTag{}, err
	}
	// The set has a few counts below zero, which say nothing.
	b.Count, err = r.number(r.count)
	b.Count = max(b.Count, 0)
	return b, err
}
