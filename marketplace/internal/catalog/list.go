package catalog

import (
	"slices"
	"strings"
)

// Query selects books.
type Query struct {
	Category string // slug, or "" for all
	Author   string // key of a name, or "" for all
	Series   string // likewise
	Text     string // prefixes of words of title, author, series or category, an ISBN, or "" for all
	Filter   Filter
	Sort     Sort
	Offset   int
	Limit    int
}

// Page is one page of the books that a query matches.
type Page struct {
	Books []*Book
	Total int // number of books on all pages
	// Instead is set if no book contains all words of a text: the books contain those of
	// Instead, which differ by typing mistakes, spaces or the signs of C++ and C#.
	Instead string
}

// List returns books. With a text, it returns the books that
// contain every word of it, ordered by match: exact title, title that starts with the
// text, all words in the title, then in the author, in the series, in the name of a
// category. A text that is an ISBN finds its book. At most one of text, author and series is
// used, in this order.
func (c *Catalog) List(q Query) Page {
	s := c.current.Load()
	ranks, instead := s.find(q)
	page := s.page(ranks, q)
	page.Instead = instead
	return page
}

// find returns the ranks of the books that a query selects before its filter, in the order of ByMatch.
func (s *state) find(q Query) (ranks []int32, instead string) {
	switch {
	case strings.TrimSpace(q.Text) != "":
		match := s.index.search(q.Text, s.inCategory(q.Category))
		return match.ranks, match.instead
	case q.Author != "":
		ranks = s.authors.byKey[q.Author].ranks
	case q.Series != "":
		ranks = s.series.byKey[q.Series].ranks
	case q.Category != "":
		return s.byCategory[q.Category], ""
	default:
		return s.all, ""
	}
	if q.Category != "" {
		in := s.inCategory(q.Category)
		ranks = slices.DeleteFunc(slices.Clone(ranks), func(rank int32) bool { return !in(rank) })
	}
	return ranks, ""
}

// page returns one page of some books, as the query filters and sorts them.
func (s *state) page(ranks []int32, q Query) Page {
	keeps, order := s.keeps(q.Filter), ranks
	if sorted := s.sorted[q.Sort]; sorted != nil && len(ranks) == s.listed {
		order = sorted
	} else if sorted != nil {
		among := make([]bool, s.listed)
		for _, rank := range ranks {
			among[rank] = keeps == nil || keeps(rank)
		}
		order, keeps = sorted, func(rank int32) bool { return among[rank] }
	}
	if keeps != nil {
		kept := make([]int32, 0, len(ranks))
		for _, rank := range order {
			if keeps(rank) {
				kept = append(kept, rank)
			}
		}
		order = kept
	}
	first := min(max(q.Offset, 0), len(order))
	end := first + min(max(q.Limit, 0), len(order)-first)
	page := Page{Books: make([]*Book, 0, end-first), Total: len(order)}
	for _, rank := range order[first:end] {
		page.Books = append(page.Books, &s.books[rank])
	}
	return page
}

// inCategory returns a filter for the books of a category, or of all if it is "".
func (s *state) inCategory(slug string) func(rank int32) bool {
	if slug == "" {
		return func(int32) bool { return true }
	}
	return func(rank int32) bool { return slices.Contains(s.books[rank].Categories, slug) }
}
