package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// place is the part of a book in which a word occurs; higher ranks better.
type place uint8

const (
	nowhere place = iota
	inCategory
	inSeries
	inAuthor
	inTitle
)

// posting is the occurrence of a word in a book.
type posting struct {
	rank  int32 // rank of the book
	place place // the best one in which the word occurs
}

// index finds books by prefixes of their words, and by words that are nearly theirs.
type index struct {
	books    []Book           // by rank
	words    []string         // sorted
	postings [][]posting      // postings of each word, by rank
	titles   []string         // folded titles without spaces, by rank
	bare     []string         // titles without a leading "The", "A" or "An"
	isbns    map[string]int32 // ranks by ISBN-13
}

func newIndex(books []Book) *index {
	x := &index{books: books, titles: make([]string, len(books)), bare: make([]string, len(books)), isbns: map[string]int32{}}
	found := map[string][]posting{}
	names := map[string][]string{} // words of the names of categories
	for rank, b := range books {
		add := func(words []string, where place) {
			for _, word := range words {
				of := found[word]
				if n := len(of); n > 0 && of[n-1].rank == int32(rank) {
					of[n-1].place = max(of[n-1].place, where)
					continue
				}
				found[word] = append(of, posting{int32(rank), where})
			}
		}
		title := terms(b.Title)
		x.titles[rank], x.bare[rank] = compact(title), compact(withoutArticle(title))
		add(wordsOf(b.Title), inTitle)
		add(wordsOf(b.Author), inAuthor)
		for _, c := range b.Contributors {
			add(wordsOf(c.Name), inAuthor)
		}
		add(wordsOf(b.Series), inSeries)
		for _, slug := range b.Categories {
			if names[slug] == nil {
				names[slug] = wordsOf(CategoryName(slug))
			}
			add(names[slug], inCategory)
		}
		if number, ok := isbn(b.ISBN); ok {
			if _, taken := x.isbns[number]; !taken {
				x.isbns[number] = int32(rank)
			}
		}
	}
	x.words = slices.Sorted(maps.Keys(found))
	x.postings = make([][]posting, len(x.words))
	for i, word := range x.words {
		x.postings[i] = slices.Clip(found[word])
	}
	return x
}

// wordsOf returns the words by which a text can be found, in all their spellings.
func wordsOf(text string) []string {
	list := terms(text)
	spellings := [][]term{list, numerals(list)}
	if out := spelledOut(text); out != text {
		spellings = append(spellings, terms(out))
	}
	var words []string
	for _, list := range spellings {
		for _, t := range list {
			for _, word := range t.spellings() {
				words = append(words, word)
				if other := american(word); other != word {
					words = append(words, other)
				}
			}
		}
	}
	if whole := compact(list); runsOn(whole) {
		for i := range whole { // where each character begins
			words = append(words, whole[i:])
		}
	}
	return words
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

// clause is one thing that a book must have: one of several spellings, each of which is
// a list of prefixes of words.
type clause [][]string

// clauses returns the clauses of a text, none twice.
func clauses(list, spelledOut []term) []clause {
	var all []clause
	seen := map[string]bool{} // bounds the work for a long, repetitive query
	for i, t := range list {
		key := strings.Join(t, " ")
		if seen[key] {
			continue
		}
		seen[key] = true
		c := clause{{t.joined()}}
		if len(t) > 1 { // its parts may also occur apart
			c = append(c, slices.Compact(slices.Sorted(slices.Values(t))))
		}
		if len(spelledOut) == len(list) && spelledOut[i].joined() != t.joined() {
			c = append(c, []string{spelledOut[i].joined()})
		}
		for _, words := range c {
			other := slices.Clone(words)
			for i, word := range other {
				other[i] = american(word)
			}
			if !slices.Equal(other, words) {
				c = append(c, other)
			}
		}
		all = append(all, c)
	}
	return all
}

// found is the answer to a search.
type found struct {
	ranks   []int32 // of the books, the best matches first
	instead string  // what they match in place of the text; "" if they match the text
	title   bool    // for words that are nearly the same: whether they are the whole title of the first
}

// search returns the books that contain every word of text, the best matches first, and
// by popularity among equal matches. If there are none, it returns those that contain the
// words without the signs of C++ and C#, or with spaces that were left out, or words which are
// nearly the same.
func (x *index) search(text string, keep func(rank int32) bool) found {
	if number, ok := askedISBN(text); ok {
		if rank, ok := x.isbns[number]; ok && keep(rank) {
			return found{ranks: []int32{rank}}
		}
	}
	query := terms(text)
	if len(query) == 0 {
		return found{} // only punctuation
	}
	var spelled []term
	if out := spelledOut(text); out != text {
		spelled = terms(out)
	}
	asked := clauses(query, spelled)
	places := x.all(asked)
	if digits := numerals(query); digits != nil {
		higher(places, x.all(clauses(digits, nil)))
	}
	whole := compact(query)
	var tiers [2 + int(inTitle)][]int32
	for rank := range int32(len(x.books)) {
		title, bare := x.titles[rank], x.bare[rank]
		same := title == whole || bare == whole // perhaps with other spaces
		if places[rank] == nowhere && !same || !keep(rank) {
			continue
		}
		tier := 0
		switch {
		case same:
		case strings.HasPrefix(title, whole) || strings.HasPrefix(bare, whole):
			tier = 1
		default:
			tier = 2 + int(inTitle-places[rank])
		}
		tiers[tier] = append(tiers[tier], rank)
	}
	if ranks := slices.Concat(tiers[:]...); len(ranks) > 0 {
		return found{ranks: ranks}
	}
	if bare, ok := withoutSigns(text); ok {
		return x.instead(bare, keep)
	}
	near := x.nearly(text, asked, whole, keep)
	if spaced, ok := x.apart(text); ok && !near.title {
		if match := x.instead(spaced, keep); len(match.ranks) > 0 {
			return match
		}
	}
	return near
}

// instead searches another text, and says so.
func (x *index) instead(text string, keep func(rank int32) bool) found {
	match := x.search(text, keep)
	if len(match.ranks) > 0 {
		match.instead = cmp.Or(match.instead, text)
	}
	return match
}

// all returns, for each book, the lowest place among the clauses.
func (x *index) all(asked []clause) []place {
	worst := slices.Repeat([]place{inTitle}, len(x.books))
	for _, c := range asked {
		lower(worst, x.places(c))
	}
	return worst
}

// places returns, for each book, the best place of a clause.
func (x *index) places(c clause) []place {
	var best []place
	for _, words := range c {
		here := x.prefixed(words[0])
		for _, word := range words[1:] {
			lower(here, x.prefixed(word))
		}
		if best == nil {
			best = here
			continue
		}
		higher(best, here)
	}
	return best
}

// lower sets each element of a to the minimum of a and b.
func lower(a, b []place) {
	for rank := range a {
		a[rank] = min(a[rank], b[rank])
	}
}

// higher sets each element of a to the maximum of a and b.
func higher(a, b []place) {
	for rank := range a {
		a[rank] = max(a[rank], b[rank])
	}
}

// prefixed returns, for each book, the best place of a word that starts with prefix.
func (x *index) prefixed(prefix string) []place {
	best := make([]place, len(x.books))
	first, _ := slices.BinarySearch(x.words, prefix)
	for i := first; i < len(x.words) && strings.HasPrefix(x.words[i], prefix); i++ {
		for _, p := range x.postings[i] {
			best[p.rank] = max(best[p.rank], p.place)
		}
	}
	return best
}
