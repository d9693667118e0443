package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// term is what stands between two spaces, cut at its punctuation: "Catch-22" is
// [catch 22]. Initials that follow each other are one term, so that "J. R. R."
// and "J.R.R." are the same.
type term []string

// joined is the term as people write it who leave punctuation out.
func (t term) joined() string { return strings.Join(t, "") }

// terms cuts text into folded words: no case, no accents, no punctuation.
func terms(text string) []term {
	var list []term
	for _, field := range strings.Fields(fold(text)) {
		parts := term(strings.FieldsFunc(field, func(r rune) bool { return r == cut }))
		switch {
		case len(parts) == 0:
		case len(list) > 0 && initials(list[len(list)-1]) && initials(parts):
			list[len(list)-1] = append(list[len(list)-1], parts...)
		default:
			list = append(list, parts)
		}
	}
	return list
}

func initials(t term) bool {
	return !slices.ContainsFunc(t, func(part string) bool { return utf8.RuneCountInString(part) != 1 })
}

// spellings returns all words under which a term of a book can be found.
func (t term) spellings() []string {
	words := slices.Clone([]string(t))
	if len(t) > 1 {
		words = append(words, t.joined())
	}
	// "J.R.R.Tolkien", written without a space: its initials are a word too.
	for first := 0; first < len(t); first++ {
		end := first
		for end < len(t) && utf8.RuneCountInString(t[end]) == 1 {
			end++
		}
		if end-first > 1 {
			words = append(words, strings.Join(t[first:end], ""))
			first = end
		}
	}
	return words
}

// cut stands for punctuation in folded text.
const cut = '.'

// fold takes case and accents off, and puts cut for what is no letter, digit or space.
func fold(text string) string {
	text = cases.Fold().String(norm.NFKD.String(text))
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // the accent of the letter before
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Mc, r):
			b.WriteString(plain(r))
		default:
			b.WriteRune(cut)
		}
	}
	return b.String()
}

// plain spells letters that Unicode does not take apart as an English keyboard does.
func plain(r rune) string {
	switch r {
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	}
	return string(r)
}
