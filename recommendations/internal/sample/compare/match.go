package main

import (
	"strings"

	"bookstall/recommendations/internal/library"
)

// index finds entries of the other catalogue by title and by author.
type index struct {
	byTitle   map[string][]*entry // full titles and parts of them
	bySurname map[string][]*entry // last word of the first author
}

func newIndex(entries []entry) *index {
	x := &index{byTitle: map[string][]*entry{}, bySurname: map[string][]*entry{}}
	for i := range entries {
		e := &entries[i]
		added := map[string]bool{}
		for _, title := range e.titles {
			keys := keysOf(title)
			for _, key := range append(keys.part, keys.full) {
				if key != "" && !added[key] {
					added[key] = true
					x.byTitle[key] = append(x.byTitle[key], e)
				}
			}
		}
		if parts := nameParts(first(e.authors)); len(parts) > 0 {
			name := parts[len(parts)-1]
			x.bySurname[name] = append(x.bySurname[name], e)
		}
	}
	return x
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// likeness of two titles.
type likeness int

const (
	different likeness = iota
	partly             // a part of one is a part of the other
	mostly             // one is a part of the other
	wholly
)

func compareTitles(ours titleKeys, theirs []string) likeness {
	best := different
	for _, title := range theirs {
		keys := keysOf(title)
		switch {
		case keys.full == ours.full:
			return wholly
		case contains(keys.part, ours.full), contains(ours.part, keys.full):
			best = max(best, mostly)
		default:
			for _, part := range ours.part {
				if contains(keys.part, part) {
					best = max(best, partly)
				}
			}
		}
	}
	return best
}

func contains(list []string, key string) bool {
	for _, s := range list {
		if s == key {
			return true
		}
	}
	return false
}

// match is how one entry compares with our book.
type match struct {
	entry       *entry
	title       likeness
	firstAuthor bool
	anyAuthor   bool
	year        bool // within one, or not known to them
}

// find returns the entry that is our book, or false. An entry with another
// author counts only when title and year agree: many books share a title.
func (x *index) find(b library.Book) (match, bool) {
	keys := keysOf(b.Title)
	var best match
	found := false
	for _, key := range append(keys.part, keys.full) {
		for _, e := range x.byTitle[key] {
			m := compare(b, keys, e)
			if m.isBook() && (!found || m.score() > best.score()) {
				best, found = m, true
			}
		}
	}
	if found {
		return best, true
	}
	return x.findMisspelt(b, keys)
}

// findMisspelt looks for a book of the author and year whose title is nearly
// the same.
func (x *index) findMisspelt(b library.Book, keys titleKeys) (match, bool) {
	parts := nameParts(b.Author)
	if len(parts) == 0 {
		return match{}, false
	}
	for _, e := range x.bySurname[parts[len(parts)-1]] {
		m := compare(b, keys, e)
		if !m.firstAuthor || !m.year {
			continue
		}
		for _, title := range e.titles {
			if d := distance(keys.full, keysOf(title).full); d*5 <= len(keys.full) {
				return m, true
			}
		}
	}
	return match{}, false
}

func compare(b library.Book, keys titleKeys, e *entry) match {
	m := match{
		entry:       e,
		title:       compareTitles(keys, e.titles),
		firstAuthor: sameAuthor(b.Author, first(e.authors)),
		year:        e.year == 0 || abs(e.year-b.Year) <= 1,
	}
	for _, author := range e.authors {
		m.anyAuthor = m.anyAuthor || sameAuthor(b.Author, author)
	}
	m.anyAuthor = m.anyAuthor || m.firstAuthor
	return m
}

func (m match) isBook() bool {
	if m.anyAuthor {
		return m.title >= mostly || m.title == partly && m.year
	}
	return m.title == wholly && m.year && m.entry.year != 0
}

func (m match) score() int {
	score := 2 * int(m.title)
	if m.anyAuthor {
		score += 8
	}
	if m.firstAuthor {
		score++
	}
	if m.year {
		score += 3
	}
	return score
}

func abs(n int) int { return max(n, -n) }

// distance is how many letters must be changed, added or dropped (Levenshtein).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			cost := diagonal
			if r != s {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

// differences says what is not equal, with both values.
func (m match) differences(b library.Book) []difference {
	var list []difference
	if m.title == different {
		list = append(list, difference{"title", b.Title, strings.Join(m.entry.titles, " | ")})
	}
	if !m.firstAuthor {
		list = append(list, difference{"author", b.Author, strings.Join(m.entry.authors, ", ")})
	}
	if !m.year {
		list = append(list, difference{"year", formatYear(b.Year), formatYear(m.entry.year)})
	}
	return list
}
