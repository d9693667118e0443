package catalog

import (
	"slices"
	"strings"
)

// Query selects books.
type Query struct {
	Category string // slug, or "" for all
	Text     string // prefixes of words of title, author, series or category, an ISBN, or "" for all
	Offset   int
	Limit    int
}

// Page is one page of the books that a query matches.
type Page struct {
	Books []Book
	Total int // number of books on all pages
	// Instead is set if no book contains all words of a text: the books contain those of
	// Instead, which differ by typing mistakes, spaces or the signs of C++ and C#.
	Instead string
}

// List returns books, the most popular first. With a text, it returns the books that
// contain every word of it, ordered by match: exact title, title that starts with the
// text, all words in the title, then in the author, in the series, in the name of a
// category. A text that is an ISBN finds its book.
func (c *Catalog) List(q Query) Page {
	s := c.current.Load()
	if strings.TrimSpace(q.Text) != "" {
		match := s.index.search(q.Text, s.inCategory(q.Category))
		page := s.page(match.ranks, q)
		page.Instead = match.instead
		return page
	}
	if q.Category != "" {
		return s.page(s.byCategory[q.Category], q)
	}
	first, end := bounds(q, s.listed)
	return Page{Books: slices.Clone(s.books[first:end]), Total: s.listed}
}

func (s *state) page(ranks []int32, q Query) Page {
	first, end := bounds(q, len(ranks))
	page := Page{Books: make([]Book, 0, end-first), Total: len(ranks)}
	for _, rank := range ranks[first:end] {
		page.Books = append(page.Books, s.books[rank])
	}
	return page
}

// bounds clamps a query's offset and limit to total.
func bounds(q Query, total int) (first, end int) {
	first = min(max(q.Offset, 0), total)
	return first, first + min(max(q.Limit, 0), total-first)
}

// inCategory returns a filter for the books of a category, or of all if it is "".
func (s *state) inCategory(slug string) func(rank int32) bool {
	if slug == "" {
		return func(int32) bool { return true }
	}
	return func(rank int32) bool { return slices.Contains(s.books[rank].Categories, slug) }
}
