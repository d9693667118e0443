package goodbooks

import (
	"io"
	"iter"
	"strings"
)

// BookID holds the two ids that the set has for one book.
type BookID struct {
	Book      int64 // book_id, in books.csv, ratings and shelves
	Goodreads int64 // goodreads_book_id, in book_tags.csv
}

// BookIDs reads both ids of each row of books.csv. Errors are as for [Books].
func BookIDs(name string, source io.Reader) iter.Seq2[BookID, error] {
	return rows(name, source, []string{"book_id", "goodreads_book_id"}, func(t *table) (id BookID, err error) {
		if id.Book, err = t.count("book_id", 1); err != nil {
			return BookID{}, err
		}
		id.Goodreads, err = t.count("goodreads_book_id", 1)
		return id, err
	})
}

// Tag is a row of tags.csv: a word that readers put on books.
type Tag struct {
	ID   int64
	Name string
}

// Tags reads tags.csv. Errors are as for [Books].
func Tags(name string, source io.Reader) iter.Seq2[Tag, error] {
	return rows(name, source, []string{"tag_id", "tag_name"}, func(t *table) (Tag, error) {
		id, err := t.count("tag_id", 0)
		return Tag{ID: id, Name: t.text("tag_name")}, err
	})
}

// Shelf returns the shelf that the tag names, such as "Science Fiction" for
// science-fiction, or "" when no category depends on such a shelf.
func (t Tag) Shelf() string {
	plain := func(name string) string {
		return strings.NewReplacer("-", "", " ", "", "'", "").Replace(strings.ToLower(name))
	}
	for _, shelf := range shelfNames() {
		if plain(shelf) == plain(t.Name) {
			return shelf
		}
	}
	return ""
}

// BookTag is a row of book_tags.csv: how many readers put a tag on a book.
type BookTag struct {
	Goodreads int64 // the book's id on Goodreads
	Tag       int64
	Count     int64
}

// BookTags reads book_tags.csv. The set has a few counts below zero, which mean
// nothing; they become 0. Errors are as for [Books].
func BookTags(name string, source io.Reader) iter.Seq2[BookTag, error] {
	return rows(name, source, []string{"goodreads_book_id", "tag_id", "count"}, func(t *table) (b BookTag, err error) {
		if b.Goodreads, err = t.count("goodreads_book_id", 1); err != nil {
			return BookTag{}, err
		}
		if b.Tag, err = t.count("tag_id", 0); err != nil {
			return BookTag{}, err
		}
		b.Count, err = t.number("count")
		b.Count = max(b.Count, 0)
		return b, err
	})
}
