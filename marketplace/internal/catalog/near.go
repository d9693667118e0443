package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNearClauses bounds the work for words that no book has: a query with more of them
// is not worth it.
const maxNearClauses = 12

// edits returns how many typing mistakes a word of n letters may have: a letter that is
// wrong, missing or too many, or two letters in the wrong order.
func edits(n int) int {
	switch {
	case n < 5:
		return 0
	case n < 9:
		return 1
	}
	return 2
}

// similar is a word of the index that a word of a query may be meant for.
type similar struct {
	word  int // its number in the index
	edits int
}

// near is how well a book matches one clause, or all.
type near struct {
	edits uint8
	place place // nowhere if it does not match
}

// better reports whether a is a better match than b.
func (a near) better(b near) bool {
	return a.place != nowhere && (b.place == nowhere || a.edits < b.edits || a.edits == b.edits && a.place > b.place)
}

// nearly returns the books that contain, for every clause, a word that is nearly the
// same, those with the fewest mistakes first. Words that some book has count as they are,
// unless no book has all of them.
func (x *index) nearly(text string, asked []clause, whole string, keep func(rank int32) bool) found {
	var missing []clause
	exact := make([][]place, len(asked))
	for i, c := range asked {
		exact[i] = x.places(c)
		if !slices.ContainsFunc(exact[i], func(p place) bool { return p != nowhere }) {
			missing = append(missing, c)
		}
	}
	for _, mistaken := range [][]clause{missing, asked} {
		if len(mistaken) == 0 || len(mistaken) > maxNearClauses {
			continue
		}
		means := map[string][]similar{}
		for _, c := range mistaken {
			means[c[0][0]] = x.similar(c[0][0])
			if len(asked) > 1 {
				means[c[0][0]] = append(means[c[0][0]], x.swapped(c[0][0])...)
			}
		}
		if ranks, title := x.rankNearly(asked, exact, means, utf8.RuneCountInString(whole), keep); len(ranks) > 0 {
			return found{ranks, x.correct(text, x.books[ranks[0]], ranks[0], means), title}
		}
	}
	return found{}
}

// rankNearly returns the books that match all clauses, each as it is or by a word that it may mean,
// and whether the first has the words as its whole title.
func (x *index) rankNearly(asked []clause, exact [][]place, means map[string][]similar, letters int, keep func(rank int32) bool) (ranks []int32, title bool) {
	matches := slices.Repeat([]near{{0, inTitle}}, len(x.books))
	best := make([]near, len(x.books))
	for i, c := range asked {
		for rank, p := range exact[i] {
			best[rank] = near{place: p}
		}
		for _, s := range means[c[0][0]] {
			for _, p := range x.postings[s.word] {
				if match := (near{uint8(s.edits), p.place}); match.better(best[p.rank]) {
					best[p.rank] = match
				}
			}
		}
		for rank := range matches {
			matches[rank] = near{matches[rank].edits + best[rank].edits, min(matches[rank].place, best[rank].place)}
		}
	}
	for rank, m := range matches {
		if m.place != nowhere && keep(int32(rank)) {
			ranks = append(ranks, int32(rank))
		}
	}
	// whole is 0 for a title that is as long as what was typed, give or take the mistakes.
	whole := func(rank int32) int {
		for _, title := range []string{x.titles[rank], x.bare[rank]} {
			if n := utf8.RuneCountInString(title) - letters; max(n, -n) <= int(matches[rank].edits) {
				return 0
			}
		}
		return 1
	}
	slices.SortStableFunc(ranks, func(a, b int32) int {
		return cmp.Or(cmp.Compare(matches[a].edits, matches[b].edits), cmp.Compare(whole(a), whole(b)), cmp.Compare(matches[b].place, matches[a].place))
	})
	return ranks, len(ranks) > 0 && whole(ranks[0]) == 0
}

// similar returns the words that word may be meant for, at most edits(n) mistakes apart.
// It walks through the sorted words, keeps the rows of the edit distance (optimal string
// alignment) that a word shares with the one before, and passes over all words with a
// beginning that has too many mistakes already.
func (x *index) similar(word string) []similar {
	asked := []rune(word)
	most := edits(len(asked) + 1) // a letter may be missing
	if most == 0 || runsOn(word) || !strings.ContainsFunc(word, unicode.IsLetter) {
		return nil
	}
	d := newDistances(asked)
	var list []similar
	for i := 0; i < len(x.words); {
		candidate := x.words[i]
		at := d.share(candidate)
		for at < len(candidate) && !d.above(most) {
			r, size := utf8.DecodeRuneInString(candidate[at:])
			at += size
			d.add(r)
		}
		if d.above(most) {
			i = x.after(i, candidate[:at])
			continue
		}
		if n := d.distance(); n > 0 && n <= min(most, edits(max(len(asked), len(d.letters)))) {
			list = append(list, similar{i, n})
		}
		i++
	}
	return list
}

// swapped returns the words that a word too short for other mistakes is with two letters in the
// wrong order: "nad" for "and". They are a guess beside other words of a query only.
func (x *index) swapped(word string) (list []similar) {
	letters := []rune(word)
	if edits(len(letters)) > 0 || runsOn(word) {
		return nil // similar finds it
	}
	for i := range len(letters) - 1 {
		if letters[i] == letters[i+1] || !unicode.IsLetter(letters[i]) || !unicode.IsLetter(letters[i+1]) {
			continue
		}
		other := slices.Clone(letters)
		other[i], other[i+1] = other[i+1], other[i]
		if at, found := slices.BinarySearch(x.words, string(other)); found {
			list = append(list, similar{at, 1})
		}
	}
	return list
}

// maxJoined bounds the work for a word that may be several, in bytes.
const maxJoined = 40

// apart returns a text with spaces in those words that no book has, and that are words of a book
// one after the other: "harry potter" for "harrypotter".
func (x *index) apart(text string) (other string, ok bool) {
	fields := strings.Fields(text)
	for i, field := range fields {
		list := terms(field)
		if i == maxNearClauses || len(list) != 1 || len(list[0]) != 1 || len(list[0][0]) > maxJoined {
			continue
		}
		word := list[0][0]
		if at, _ := slices.BinarySearch(x.words, word); at < len(x.words) && strings.HasPrefix(x.words[at], word) {
			continue
		}
		for most := 2; most <= 4; most++ {
			if spaced := x.split(word, nil, most); spaced != "" {
				fields[i], ok = spaced, true
				break
			}
		}
	}
	return strings.Join(fields, " "), ok
}

// split returns the text of a book that is the words before and word without spaces, where word is
// so many words at most, of two letters at least; "" if there is none.
func (x *index) split(word string, before []string, most int) string {
	for end := range word {
		if end < 2 || most < 2 {
			continue
		}
		if _, found := slices.BinarySearch(x.words, word[:end]); found {
			if text := x.split(word[end:], slices.Concat(before, []string{word[:end]}), most-1); text != "" {
				return text
			}
		}
	}
	if len(word) < 2 || len(before) == 0 {
		return ""
	}
	words := slices.Concat(before, []string{word})
	var rarest []posting
	for i, w := range words {
		at, found := slices.BinarySearch(x.words, w)
		if !found {
			return ""
		}
		if i == 0 || len(x.postings[at]) < len(rarest) {
			rarest = x.postings[at]
		}
	}
	for _, p := range rarest {
		b := x.books[p.rank]
		for _, text := range []string{b.Title, b.Author, b.Series} {
			if found := spaced(text, strings.Join(words, "")); found != "" {
				return found
			}
		}
	}
	return ""
}

// spaced returns the words of a text that are joined without spaces, "" if there are none.
func spaced(text, joined string) string {
	fields := strings.Fields(text)
	for first := range fields {
		rest := joined
		for end := first; end < len(fields) && rest != ""; end++ {
			var found bool
			if rest, found = strings.CutPrefix(rest, compact(terms(fields[end]))); !found {
				break
			}
			if rest == "" {
				return strings.TrimFunc(strings.Join(fields[first:end+1], " "), func(r rune) bool { return !inWord(r) })
			}
		}
	}
	return ""
}

// distances are the edit distances of the beginnings of a word from those of asked: a
// row for each letter of the word.
type distances struct {
	asked   []rune
	letters []rune // of the word
	rows    []int  // one after the other, len(asked)+1 each
	least   []int  // of each row
}

func newDistances(asked []rune) *distances {
	d := &distances{asked: asked, least: []int{0}}
	for i := range len(asked) + 1 {
		d.rows = append(d.rows, i)
	}
	return d
}

// share keeps the rows of the letters that word begins with, and returns their bytes.
func (d *distances) share(word string) (bytes int) {
	n := 0
	for n < len(d.letters) {
		r, size := utf8.DecodeRuneInString(word[bytes:])
		if size == 0 || r != d.letters[n] {
			break
		}
		n++
		bytes += size
	}
	d.letters, d.least, d.rows = d.letters[:n], d.least[:n+1], d.rows[:(n+1)*(len(d.asked)+1)]
	return bytes
}

// add adds the next letter of the word.
func (d *distances) add(letter rune) {
	n, width := len(d.letters), len(d.asked)+1
	d.letters = append(d.letters, letter)
	first := len(d.rows)
	d.rows = append(d.rows, n+1)
	above := d.rows[first-width : first]
	least := n + 1
	for j, want := range d.asked {
		distance := min(above[j+1], d.rows[first+j]) + 1
		if want == letter {
			distance = min(distance, above[j])
		} else {
			distance = min(distance, above[j]+1)
		}
		if n > 0 && j > 0 && want == d.letters[n-1] && d.asked[j-1] == letter { // two in the wrong order
			distance = min(distance, d.rows[first-2*width+j-1]+1)
		}
		d.rows = append(d.rows, distance)
		least = min(least, distance)
	}
	d.least = append(d.least, least)
}

// above reports whether the word cannot come within most edits of asked, whatever
// follows. Letters in the wrong order reach back two rows.
func (d *distances) above(most int) bool {
	n := len(d.letters)
	return n > 0 && d.least[n] > most && d.least[n-1] >= most
}

// distance returns the edits between the word and asked.
func (d *distances) distance() int { return d.rows[len(d.rows)-1] }

// after returns the number of the first word after i that does not begin with prefix,
// which words[i] does. Mostly it is near.
func (x *index) after(i int, prefix string) int {
	step := 1
	for i+step < len(x.words) && strings.HasPrefix(x.words[i+step], prefix) {
		i += step
		step *= 2
	}
	n, _ := slices.BinarySearchFunc(x.words[i:min(i+step, len(x.words))], prefix, func(word, prefix string) int {
		if strings.HasPrefix(word, prefix) {
			return -1
		}
		return 1
	})
	return i + n
}

// correct returns the text with the words of the book that its own were taken for, as
// the book spells them.
func (x *index) correct(text string, b Book, rank int32, means map[string][]similar) string {
	fields := strings.Fields(text)
	for i, field := range fields {
		best := similar{edits: 100}
		for _, t := range terms(field) {
			for _, s := range means[t.joined()] {
				_, here := slices.BinarySearchFunc(x.postings[s.word], rank, func(p posting, rank int32) int { return cmp.Compare(p.rank, rank) })
				if here && s.edits < best.edits {
					best = s
				}
			}
		}
		if best.edits < 100 {
			fields[i] = b.spelling(x.words[best.word])
			if len(fields) > 1 && text == strings.ToLower(text) { // as the words beside it
				fields[i] = strings.ToLower(fields[i])
			}
		}
	}
	return strings.Join(fields, " ")
}

// spelling returns a word of the index as the book's texts have it.
func (b Book) spelling(word string) string {
	for _, field := range strings.Fields(b.Title + " " + b.Author + " " + b.Series) {
		if slices.Contains(wordsOf(field), word) {
			return strings.TrimFunc(field, func(r rune) bool { return !inWord(r) })
		}
	}
	return word
}

// inWord reports whether a character is no punctuation around a word.
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || isSign(r)
}
