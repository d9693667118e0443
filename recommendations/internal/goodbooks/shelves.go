package goodbooks

import (
	"cmp"
	"io"
	"iter"
	"slices"
)

// category is one of the project's categories, with the shelves that belong to it.
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

// otherShelves lists genres without a category of their own. They count when the
// largest genre of a book is determined. Ebooks is missing: it is not a genre.
func otherShelves() []string {
	return []string{
		"Art", "Contemporary", "Cookbooks", "Gay and Lesbian", "Humor and Comedy", "Music", "Sports", "Travel",
	}
}

// shelfNames lists all shelves that categories depend on.
func shelfNames() []string {
	shelves := otherShelves()
	for _, c := range categories() {
		shelves = append(shelves, c.shelves...)
	}
	return shelves
}

// Shelved counts the readers who put a book on a shelf, by the shelf's name.
type Shelved map[string]int64

// share is the part of the largest genre that a shelf must reach, as 1/share.
const share = 5

// Categories returns the categories of a book, as slugs. A book has a category
// if one of the category's shelves has at least 20 % as many readers as the
// book's largest genre. The category with the most readers comes first; ties are
// in a fixed order. Some books have no category, some more than four.
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

// BookShelves is one row of a table of shelf counts.
type BookShelves struct {
	BookID  int64
	Shelved Shelved
}

// Shelves reads a table with one row per book: the column book_id, and for each
// genre a column with the number of readers. All shelves that categories depend
// on must be there; other columns are ignored. Errors are as for [Books].
func Shelves(name string, source io.Reader) iter.Seq2[BookShelves, error] {
	shelves := shelfNames()
	return rows(name, source, append([]string{"book_id"}, shelves...), func(t *table) (BookShelves, error) {
		id, err := t.count("book_id", 1)
		if err != nil {
			return BookShelves{}, err
		}
		b := BookShelves{BookID: id, Shelved: Shelved{}}
		for _, shelf := range shelves {
			if b.Shelved[shelf], err = t.count(shelf, 0); err != nil {
				return BookShelves{}, err
			}
		}
		return b, nil
	})
}
