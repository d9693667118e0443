package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Named is a book as the list of somebody else names it.
type Named struct {
	Title   string
	Authors string   // one or several; any order of names, initials
	ISBNs   []string // in any form
	Years   []int    // in which it may have come out; none if unknown
}

// Match returns, for each book of a list, the id of the book of the catalogue that it is, 0 for
// none. It never guesses: where two books may be meant, it returns none.
//
// An ISBN decides. Otherwise title and author must be the same, without case, accents,
// punctuation, articles, and the series in brackets. A subtitle that only one of the two has
// does not matter, unless it may tell volumes, adaptations or books of a series apart. If the
// titles are the same, long names may be spelled as other languages transliterate them.
func (c *Catalog) Match(list []Named) []int64 {
	s := c.current.Load()
	m := s.matcher()
	type claim struct {
		title string // of the row
		loose bool   // whether a subtitle was left out
	}
	ranks := make([]int32, len(list))
	claims := map[int32][]claim{} // by rank of the book
	keys := make([]string, len(list))
	looses := make([]bool, len(list))
	for i := range list {
		title := titleOf(list[i].Title)
		keys[i] = title.whole
		ranks[i], looses[i] = m.match(&list[i], title)
		if ranks[i] >= 0 {
			claims[ranks[i]] = append(claims[ranks[i]], claim{title.whole, looses[i]})
		}
	}
	ids := make([]int64, len(list))
	for i, rank := range ranks {
		// Of two titles for one book, one may be another volume.
		if rank < 0 || looses[i] && slices.ContainsFunc(claims[rank], func(c claim) bool { return c.title != keys[i] }) {
			continue
		}
		ids[i] = s.books[rank].ID
	}
	return ids
}

// matcher finds books by what others call them. Values are ranks.
type matcher struct {
	books    []Book
	titles   []bookTitle
	authors  [][]string         // names of each book's authors, folded
	isbns    map[string][]int32 // by ISBN-13
	whole    map[string][]int32 // by title
	prefixed map[string][]int32 // by title without a subtitle that it has
	series   map[string]bool    // names of series
}

func newMatcher(books []Book) *matcher {
	m := &matcher{
		books: books, titles: make([]bookTitle, len(books)), authors: make([][]string, len(books)),
		isbns: map[string][]int32{}, whole: map[string][]int32{}, prefixed: map[string][]int32{}, series: map[string]bool{},
	}
	for i := range books {
		b, rank := &books[i], int32(i)
		if number, ok := isbn(b.ISBN); ok {
			m.isbns[number] = append(m.isbns[number], rank)
		}
		t := titleOf(b.Title)
		if b.Series != "" {
			name, number, ok := seriesAndNumber(b.Series)
			if !ok {
				name = b.Series
			}
			t.series, t.number = titleKey(name), cmp.Or(b.SeriesNumber, number)
		}
		if t.series != "" {
			m.series[t.series] = true
		}
		m.titles[i] = t
		m.whole[t.whole] = append(m.whole[t.whole], rank)
		for _, p := range t.prefixes {
			m.prefixed[p.key] = append(m.prefixed[p.key], rank)
		}
		m.authors[i] = namesOf(b.Author)
		for _, other := range b.Contributors {
			if other.Role == "" {
				m.authors[i] = append(m.authors[i], namesOf(other.Name)...)
			}
		}
	}
	return m
}

// match returns the rank of a book, -1 for none, and whether only one of the two has a subtitle.
func (m *matcher) match(row *Named, title bookTitle) (rank int32, loose bool) {
	var named []int32
	for _, text := range row.ISBNs {
		if number, ok := isbn(text); ok {
			named = append(named, m.isbns[number]...)
		}
	}
	slices.Sort(named)
	if named = slices.Compact(named); len(named) == 1 {
		return named[0], false
	}
	if title.whole == "" {
		return -1, false
	}
	authors := namesOf(row.Authors)
	// keepBy returns those books of a list for which also holds, by one of the authors.
	keepBy := func(same func(a, b string) bool, list []int32, also func(*bookTitle) bool) (kept []int32) {
		for _, rank := range list {
			if (len(named) == 0 || slices.Contains(named, rank)) && sameAuthors(authors, m.authors[rank], same) && also(&m.titles[rank]) {
				kept = append(kept, rank)
			}
		}
		return kept
	}
	keep := func(list []int32, also func(*bookTitle) bool) []int32 { return keepBy(sameWord, list, also) }
	sameVolume := func(book *bookTitle) bool { return !otherVolume(&title, book) }
	exact := keep(m.whole[title.whole], sameVolume)
	if len(exact) == 0 {
		exact = keepBy(sameTransliteration, m.whole[title.whole], sameVolume)
	}
	if len(exact) > 1 && title.number != "" {
		exact = slices.DeleteFunc(exact, func(rank int32) bool { return m.titles[rank].number != title.number })
	}
	switch {
	case len(exact) == 1:
		return exact[0], false
	case len(exact) > 1:
		return -1, false
	}
	return m.matchLoosely(row, title, keep)
}

// matchLoosely finds a book whose title lacks the row's subtitle, or has one that the row lacks,
// or whose title follows the name of its series in the row.
func (m *matcher) matchLoosely(row *Named, title bookTitle, keep func([]int32, func(*bookTitle) bool) []int32) (rank int32, loose bool) {
	var found []int32
	for _, p := range title.prefixes {
		if p.plain {
			found = append(found, keep(m.whole[p.key], func(book *bookTitle) bool { return m.sameButForSubtitle(p.key, &title, book) })...)
		}
		found = append(found, keep(m.whole[p.rest], func(book *bookTitle) bool { return book.series != "" && book.series == p.key })...)
	}
	found = append(found, keep(m.prefixed[title.whole], func(book *bookTitle) bool {
		return m.sameButForSubtitle(title.whole, &title, book) && slices.ContainsFunc(book.prefixes, func(p prefix) bool { return p.key == title.whole && p.plain })
	})...)
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != 1 || !sameYear(row.Years, m.books[found[0]].Year) {
		return -1, false
	}
	return found[0], true
}

// sameButForSubtitle reports whether a row and a book may be one, of which only one has a
// subtitle. If what they share is the name of a series, both must have the same place in it.
func (m *matcher) sameButForSubtitle(shared string, row, book *bookTitle) bool {
	if m.series[shared] {
		return row.series == shared && book.series == shared && row.number != "" && row.number == book.number
	}
	return !otherNumber(row, book)
}

// sameYear reports whether a book may have come out in one of the years.
func sameYear(years []int, year int) bool {
	return len(years) == 0 || year == 0 || slices.ContainsFunc(years, func(y int) bool { return year-1 <= y && y <= year+1 })
}

// bookTitle is a title, taken apart for comparison.
type bookTitle struct {
	whole    string   // without what stands in brackets at its end
	prefixes []prefix // without its subtitle, if it has one; shortest first
	series   string   // that the brackets name; "" for none
	number   string   // place in it; "" if unknown
}

// prefix is the beginning of a title, before a subtitle.
type prefix struct {
	key, rest string
	plain     bool // whether the rest tells no volumes and no adaptations apart
}

// otherVolume reports whether two titles that are equal are those of two volumes, which only
// the number tells apart.
func otherVolume(row, book *bookTitle) bool {
	return row.whole == row.series && otherNumber(row, book)
}

func otherNumber(row, book *bookTitle) bool {
	return row.series == book.series && row.number != "" && book.number != "" && row.number != book.number
}

// titleOf takes a title apart.
func titleOf(text string) bookTitle {
	var t bookTitle
	text = strings.TrimSpace(text)
	for {
		rest, inside, ok := cutBrackets(text)
		if !ok {
			break
		}
		name, number, ok := seriesAndNumber(inside)
		if !ok && !plainSubtitle(inside) {
			break
		}
		if text = rest; ok && t.series == "" {
			t.series, t.number = titleKey(name), number
		}
	}
	t.whole = titleKey(text)
	for _, sep := range []string{": ", " - ", " – ", " — ", "; ", ", or "} {
		for at := 0; ; {
			i := strings.Index(text[at:], sep)
			if i < 0 {
				break
			}
			at += i + len(sep)
			p := prefix{key: titleKey(text[:at-len(sep)]), rest: titleKey(text[at:]), plain: plainSubtitle(text[at:])}
			if p.key != "" && p.rest != "" {
				t.prefixes = append(t.prefixes, p)
			}
		}
	}
	return t
}

// PlainTitle returns a title without what stands in brackets at its end and without a subtitle.
func PlainTitle(text string) string {
	text = strings.TrimSpace(text)
	for ok := true; ok; {
		text, _, ok = cutBrackets(text)
	}
	plain, _, _ := strings.Cut(text, ": ")
	return plain
}

// cutBrackets removes brackets from the end of a text, if something else remains.
func cutBrackets(text string) (rest, inside string, ok bool) {
	for _, pair := range []string{"()", "[]"} {
		if open := strings.LastIndexByte(text, pair[0]); open > 0 && text[len(text)-1] == pair[1] {
			rest = strings.TrimSpace(text[:open])
			return rest, text[open+1 : len(text)-1], rest != ""
		}
	}
	return text, "", false
}

// seriesAndNumber reads "Harbour, #2" and "Harbour, Book 2". Of several series the first counts.
func seriesAndNumber(text string) (name, number string, ok bool) {
	text, _, _ = strings.Cut(text, ";")
	if name, number, ok = strings.Cut(text, "#"); ok {
		number, _, _ = strings.Cut(strings.TrimSpace(number), " ")
	} else if words := strings.Fields(text); len(words) > 2 {
		kind := strings.ToLower(strings.TrimRight(words[len(words)-2], "."))
		name, number = strings.Join(words[:len(words)-2], " "), words[len(words)-1]
		ok = slices.Contains([]string{"book", "volume", "vol", "part", "no"}, kind) && strings.Trim(number, "0123456789") == ""
	}
	name = strings.TrimRight(name, ", ")
	return name, number, ok && name != ""
}

// titleKey returns what is the same in all ways to write a title: "" if nothing remains.
func titleKey(text string) string {
	text = strings.ReplaceAll(text, "&", " and ")
	for _, article := range []string{", the", ", a", ", an"} {
		if rest := len(text) - len(article); rest > 0 && strings.EqualFold(text[rest:], article) {
			text = text[:rest]
		}
	}
	words := terms(text)
	if digits := numerals(words); digits != nil {
		words = digits
	}
	var b strings.Builder
	for _, t := range withoutArticle(words) {
		b.WriteString(american(t.joined()))
	}
	return b.String()
}

// plainSubtitle reports whether a subtitle belongs to a book of the same title. It does not if
// it may be that of a volume, of a book about it, or of an adaptation.
func plainSubtitle(text string) bool {
	words := slices.Concat(terms(text)...)
	if digits := numerals(terms(text)); digits != nil {
		words = slices.Concat(digits...)
	}
	forSome := slices.Contains(words, "edition") || slices.Contains(words, "for")
	for i, word := range words {
		if word != "0" && strings.Trim(word, "0123456789") == "" || i == len(words)-1 && strings.Trim(word, "ivx") == "" && word != "" {
			return false
		}
		switch word {
		case "part", "volume", "vol", "tome", "band", "teil", "omnibus", "boxset", "box", "boxed", "collection", "complete", "sequel", "prequel",
			"graphic", "manga", "comic", "comics", "companion", "guide", "workbook", "journal", "cookbook", "summary", "analysis", "study", "screenplay",
			"play", "adaptation", "abridged", "illustrated", "selected", "selections", "stories",
			"first", "second", "third", "fourth", "fifth":
			return false
		case "young", "kids", "children":
			if forSome {
				return false
			}
		}
	}
	return true
}
