package goodbooks

import (
	"cmp"
	"io"
	"iter"
	"slices"
)

// category is one of the project's categories and the shelves that make it up.
type category struct {
	name    string
	shelves []string
}

func categories() []category {
	return []category{
		{"fantasy", []string{"Fantasy", "Paranormal"}},
		{"science-fiction", []string{"Science Fiction"}},
		{"mystery-thriller", []string{"Mystery", "Crime", "Thriller", "Suspense"}},
		{"romance", []string{"Romance", "Chick Lit"}},
		{"horror", []string{"Horror"}},
		{"historical-fiction", []string{"Historical Fiction"}},
		{"classics", []string{"Classics"}},
		{"young-adult", []string{"Young Adult"}},
		{"children", []string{"Children's"}},
		{"comics", []string{"Comics", "Graphic Novels", "Manga"}},
		{"poetry", []string{"Poetry"}},
		{"biography-memoir", []string{"Biography", "Memoir"}},
		{"history", []string{"History"}},
		{"self-help", []string{"Self Help", "Psychology"}},
		{"religion-philosophy", []string{"Religion", "Spirituality", "Christian", "Philosophy"}},
		{"science-business", []string{"Science", "Business"}},
		{"fiction", []string{"Fiction"}},
		{"non-fiction", []string{"Nonfiction"}},
	}
}

// otherShelves are genres that make no category but count when the largest of a
// book is sought. Ebooks, which is no genre, is not among them.
func otherShelves() []string {
	return []string{
		"Art", "Contemporary", "Cookbooks", "Gay and Lesbian", "Humor and Comedy", "Music", "Sports", "Travel",
	}
}

// CategoryNames lists the categories that books can have, as slugs.
func CategoryNames() []string {
	var names []string
	for _, c := range categories() {
		names = append(names, c.name)
	}
	return names
}

// Shelved is how many readers put a book on each shelf, by the name of the shelf.
type Shelved map[string]int64

// share of the largest genre that a shelf must reach, as 1/share.
const share = 5

// Categories applies the rule: a book has a category if one of the category's
// shelves has at least 20 % of the readers that its largest genre has. The
// category with the most readers comes first, ties in the order of
// [CategoryNames]. Some books have none, some have more than four.
func (s Shelved) Categories() []string {
	largest := int64(0)
	for _, shelf := range otherShelves() {
		largest = max(largest, s[shelf])
	}
	type counted struct {
		name    string
		readers int64
	}
	var all []counted
	for _, c := range categories() {
		most := int64(0)
		for _, shelf := range c.shelves {
			most = max(most, s[shelf])
		}
		largest = max(largest, most)
		all = append(all, counted{c.name, most})
	}
	slices.SortStableFunc(all, func(a, b counted) int { return cmp.Compare(b.readers, a.readers) })
	var names []string
	for _, c := range all {
		if c.readers > 0 && c.readers*share >= largest {
			names = append(names, c.name)
		}
	}
	return names
}

// BookShelves is one row of a file of shelf counts.
type BookShelves struct {
	BookID  int64
	Shelved Shelved
}

// Shelves reads a file with a row a book: the column book_id, and for each genre
// one with its name and the number of readers. All shelves of the rule must be
// there; other columns are passed over. Errors are as for [Books].
func Shelves(name string, source io.Reader) iter.Seq2[BookShelves, error] {
	return rows(name, source, newShelfReader)
}

type shelfReader struct {
	*table
	id      int
	shelves []int // columns of the shelves of the rule
}

func newShelfReader(name string, source io.Reader) (*shelfReader, error) {
	t, err := newTable(name, source)
	if err != nil {
		return nil, err
	}
	r := &shelfReader{table: t}
	if r.id, err = t.column("book_id"); err != nil {
		return nil, err
	}
	shelves := otherShelves()
	for _, c := range categories() {
		shelves = append(shelves, c.shelves...)
	}
	for _, shelf := range shelves {
		column, err := t.column(shelf)
		if err != nil {
			return nil, err
		}
		r.shelves = append(r.shelves, column)
	}
	slices.Sort(r.shelves) // so that the leftmost fault of a row is the one reported
	return r, nil
}

func (r *shelfReader) next() (BookShelves, error) {
	if err := r.table.next(); err != nil {
		return BookShelves{}, err
	}
	id, err := r.count(r.id, 1)
	if err != nil {
		return BookShelves{}, err
	}
	b := BookShelves{BookID: id, Shelved: Shelved{}}
	for _, column := range r.shelves {
		if b.Shelved[r.columns[column]], err = r.count(column, 0); err != nil {
			return BookShelves{}, err
		}
	}
	return b, nil
}
