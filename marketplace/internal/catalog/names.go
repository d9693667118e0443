package catalog

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Name is a name that listed books share: of somebody who made them, or of their series.
type Name struct {
	Key   string // as FoldName returns it
	Text  string // as the most popular of the books has it
	Count int    // number of books
}

// names are all names of a kind.
type names struct {
	list  []Name // those that list books, the most popular first
	byKey map[string]named
}

// named are the books that share a name.
type named struct {
	text       string
	popularity int64
	ranks      []int32 // of the listed ones; none for a name that only others have
}

// FoldName returns what the spellings of a name have in common, without case, accents and
// punctuation, for an address: "J. R. R. Tolkien" is jrr-tolkien. It is "" if nothing is left.
func FoldName(name string) string {
	var key strings.Builder
	before := 0 // length of the part before
	for _, part := range slices.Concat(terms(name)...) {
		n := utf8.RuneCountInString(part)
		if key.Len() > 0 && (n > 1 || before > 1) { // initials stay together
			key.WriteByte('-')
		}
		key.WriteString(part)
		before = n
	}
	return key.String()
}

// newNames returns the names that of returns for each book, of which the first are listed.
func newNames(books []Book, listed int, of func(b *Book) []string) names {
	n := names{byKey: map[string]named{}}
	for i := range books {
		for _, text := range of(&books[i]) {
			key := FoldName(text)
			if key == "" {
				continue
			}
			entry, known := n.byKey[key]
			if !known {
				entry.text = text
			}
			if last := len(entry.ranks) - 1; i < listed && (last < 0 || entry.ranks[last] != int32(i)) {
				entry.ranks = append(entry.ranks, int32(i))
				entry.popularity += books[i].Popularity
			}
			n.byKey[key] = entry
		}
	}
	for key, entry := range n.byKey {
		if len(entry.ranks) > 0 {
			n.list = append(n.list, Name{key, entry.text, len(entry.ranks)})
		}
	}
	slices.SortFunc(n.list, func(a, b Name) int {
		return cmp.Or(cmp.Compare(n.byKey[b.Key].popularity, n.byKey[a.Key].popularity), cmp.Compare(a.Key, b.Key))
	})
	return n
}

// find returns a name by its key.
func (n *names) find(key string) (Name, bool) {
	entry, ok := n.byKey[key]
	return Name{key, entry.text, len(entry.ranks)}, ok
}

// Authors returns those who made listed books, in whatever part, the most popular first. Callers must not change it.
func (c *Catalog) Authors() []Name { return c.current.Load().authors.list }

// Author returns the name with a key; ok is false if no book has it, not
// even one that lists leave out.
func (c *Catalog) Author(key string) (n Name, ok bool) { return c.current.Load().authors.find(key) }

// AllSeries returns the series of listed books, the most popular first. Callers must not change it.
func (c *Catalog) AllSeries() []Name { return c.current.Load().series.list }

// Series returns the series with a key; ok is false if there is none.
func (c *Catalog) Series(key string) (n Name, ok bool) { return c.current.Load().series.find(key) }

// makers returns the names of all who made a book.
func makers(b *Book) []string {
	var list []string
	if b.Author != "" {
		list = append(list, b.Author)
	}
	for _, c := range b.Contributors {
		list = append(list, c.Name)
	}
	return list
}

// RolesOf returns the parts that somebody had in a book, by the key of the name: "" for an author.
func (b *Book) RolesOf(key string) (roles []string) {
	if FoldName(b.Author) == key {
		roles = append(roles, "")
	}
	for _, c := range b.Contributors {
		if FoldName(c.Name) == key && !slices.Contains(roles, c.Role) {
			roles = append(roles, c.Role)
		}
	}
	return roles
}

// SeriesAndNumber returns the name of a book's series and its place there, either of which may
// be "". Catalogues without numbers have them in the name: "Dune #1".
func (b *Book) SeriesAndNumber() (name, number string) {
	if b.SeriesNumber != "" {
		return b.Series, b.SeriesNumber
	}
	i := strings.LastIndexByte(b.Series, '#')
	if i < 0 || strings.Trim(b.Series[i+1:], "0123456789.-–") != "" {
		return b.Series, ""
	}
	return strings.TrimRight(b.Series[:i], " ,"), b.Series[i+1:]
}

func seriesOf(b *Book) []string {
	if name, _ := b.SeriesAndNumber(); name != "" {
		return []string{name}
	}
	return nil
}

// SeriesPlace returns the place of a book in its series, twice unless it has several: 1 and 3 for
// "1-3". ok is false if it has none.
func (b *Book) SeriesPlace() (first, last float64, ok bool) {
	_, number := b.SeriesAndNumber()
	leading := func(text string) (float64, error) {
		end := len(text) - len(strings.TrimLeft(text, "0123456789."))
		return strconv.ParseFloat(text[:end], 64)
	}
	first, err := leading(number)
	if i := strings.LastIndexAny(number, "-–"); i >= 0 {
		if to, err := leading(strings.TrimLeft(number[i:], "-– ")); err == nil {
			last = to
		}
	}
	return first, max(first, last), err == nil
}

// sortSeries sorts books of a series by their place, those without one last.
func (s *state) sortSeries(ranks []int32) {
	place := func(rank int32) float64 {
		if n, _, ok := s.books[rank].SeriesPlace(); ok {
			return n
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(ranks, func(a, b int32) int { return cmp.Compare(place(a), place(b)) })
}
