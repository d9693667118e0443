package catalog

import (
	"slices"
	"strings"
)

// Query asks for books.
type Query struct {
	Category string // slug, or "" for all
	Text     string // words of title, author and series, or "" for all
	Offset   int    // books to leave out, from the best on
	Limit    int    // most books to return
}

// Page is a part of what a query found.
type Page struct {
	Books []Book
	Total int // of the whole query
}

// List returns books, most popular first. With a text it returns those that
// have every word of it, by how well they match: the exact title, then titles
// that begin with the text, titles with all its words, authors, series.
func (c *Catalog) List(q Query) Page {
	s := c.current.Load()
	if strings.TrimSpace(q.Text) != "" {
		return s.page(s.index.search(q.Text, s.inCategory(q.Category)), q)
	}
	if q.Category != "" {
		return s.page(s.byCategory[q.Category], q)
	}
	first, end := bounds(q, len(s.books))
	return Page{Books: slices.Clone(s.books[first:end]), Total: len(s.books)}
}

func (s *shelves) page(ranks []int32, q Query) Page {
	first, end := bounds(q, len(ranks))
	page := Page{Books: make([]Book, 0, end-first), Total: len(ranks)}
	for _, rank := range ranks[first:end] {
		page.Books = append(page.Books, s.books[rank])
	}
	return page
}

// bounds cuts what a query asks for down to what there is.
func bounds(q Query, total int) (first, end int) {
	first = min(max(q.Offset, 0), total)
	return first, first + min(max(q.Limit, 0), total-first)
}

// inCategory returns whether the book of a rank may be found.
func (s *shelves) inCategory(slug string) func(rank int32) bool {
	if slug == "" {
		return func(int32) bool { return true }
	}
	return func(rank int32) bool { return slices.Contains(s.books[rank].Categories, slug) }
}
