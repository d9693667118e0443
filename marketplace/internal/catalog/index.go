package catalog

import (
	"maps"
	"slices"
	"strings"
)

// place is the part of a book in which a word occurs; higher ranks better.
type place uint8

const (
	nowhere place = iota
	inSeries
	inAuthor
	inTitle
)

// posting is the occurrence of a word in a book.
type posting struct {
	rank  int32 // rank of the book
	place place // the best one in which the word occurs
}

// index finds books by prefixes of their words.
type index struct {
	books    int
	words    []string    // sorted
	postings [][]posting // postings of each word, by rank
	titles   []string    // folded titles without spaces, by rank
	bare     []string    // titles without a leading "The", "A" or "An"
}

func newIndex(books []Book) *index {
	x := &index{books: len(books), titles: make([]string, len(books)), bare: make([]string, len(books))}
	found := map[string][]posting{}
	for rank, b := range books {
		add := func(list []term, where place) {
			for _, t := range list {
				for _, word := range t.spellings() {
					of := found[word]
					if n := len(of); n > 0 && of[n-1].rank == int32(rank) {
						of[n-1].place = max(of[n-1].place, where)
						continue
					}
					found[word] = append(of, posting{int32(rank), where})
				}
			}
		}
		title := terms(b.Title)
		x.titles[rank], x.bare[rank] = compact(title), compact(withoutArticle(title))
		add(title, inTitle)
		add(terms(b.Author), inAuthor)
		add(terms(b.Series), inSeries)
	}
	x.words = slices.Sorted(maps.Keys(found))
	x.postings = make([][]posting, len(x.words))
	for i, word := range x.words {
		x.postings[i] = slices.Clip(found[word])
	}
	return x
}

// compact joins terms, so that titles compare equal whatever their spacing and
// punctuation.
func compact(list []term) string {
	var b strings.Builder
	for _, t := range list {
		b.WriteString(t.joined())
	}
	return b.String()
}

func withoutArticle(list []term) []term {
	if len(list) > 1 && slices.Contains([]string{"the", "a", "an"}, list[0].joined()) {
		return list[1:]
	}
	return list
}

// search returns the ranks of the books that contain every word of text, the best
// matches first, and by popularity among equal matches.
func (x *index) search(text string, keep func(rank int32) bool) []int32 {
	query := terms(text)
	if len(query) == 0 {
		return nil // only punctuation
	}
	places := x.all(query)
	whole := compact(query)
	var tiers [5][]int32
	for rank := range int32(x.books) {
		if places[rank] == nowhere || !keep(rank) {
			continue
		}
		title, bare := x.titles[rank], x.bare[rank]
		tier := 0
		switch {
		case title == whole || bare == whole:
		case strings.HasPrefix(title, whole) || strings.HasPrefix(bare, whole):
			tier = 1
		default:
			tier = 2 + int(inTitle-places[rank])
		}
		tiers[tier] = append(tiers[tier], rank)
	}
	return slices.Concat(tiers[:]...)
}

// all returns, for each book, the lowest place among the terms of the query.
func (x *index) all(query []term) []place {
	worst := slices.Repeat([]place{inTitle}, x.books)
	seen := map[string]bool{} // bounds the work for a long, repetitive query
	for _, t := range query {
		key := strings.Join(t, " ")
		if seen[key] {
			continue
		}
		seen[key] = true
		best := x.prefixed(t.joined())
		if len(t) > 1 { // its parts may also occur apart
			parts := slices.Repeat([]place{inTitle}, x.books)
			for _, part := range slices.Compact(slices.Sorted(slices.Values(t))) {
				lower(parts, x.prefixed(part))
			}
			for rank := range best {
				best[rank] = max(best[rank], parts[rank])
			}
		}
		lower(worst, best)
	}
	return worst
}

// lower sets each element of a to the minimum of a and b.
func lower(a, b []place) {
	for rank := range a {
		a[rank] = min(a[rank], b[rank])
	}
}

// prefixed returns, for each book, the best place of a word that starts with prefix.
func (x *index) prefixed(prefix string) []place {
	best := make([]place, x.books)
	first, _ := slices.BinarySearch(x.words, prefix)
	for i := first; i < len(x.words) && strings.HasPrefix(x.words[i], prefix); i++ {
		for _, p := range x.postings[i] {
			best[p.rank] = max(best[p.rank], p.place)
		}
	}
	return best
}
