package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// term is a word between two spaces, split at punctuation: "Catch-22" is [catch 22].
// Consecutive initials form one term, so that "J. R. R." equals "J.R.R.".
type term []string

// joined returns the term without punctuation.
func (t term) joined() string { return strings.Join(t, "") }

// terms splits text into words without case, accents and punctuation.
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

// spellings returns all words by which a term can be found.
func (t term) spellings() []string {
	words := slices.Clone([]string(t))
	if len(t) > 1 {
		words = append(words, t.joined())
	}
	// The initials of "J.R.R.Tolkien", written without a space, are a word too.
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

// fold removes case and accents, and replaces everything that is not a letter, a digit
// or a space by cut. Letters that are one letter for readers become one.
func fold(text string) string {
	if ascii := !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }); ascii { // most text, and much quicker
		text = strings.ToLower(text)
	} else {
		text = cases.Fold().String(norm.NFKD.String(text))
	}
	var b strings.Builder
	b.Grow(len(text))
	for i, r := range text {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || r == tatweel: // accent or lengthening of the previous letter
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsDigit(r):
			b.WriteByte(digit(r))
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Mc, r):
			b.WriteString(plain(r))
		case isSign(r) && afterLetter(b.String()) && !beforeLetter(text[i:], r):
			b.WriteRune(r)
		default:
			b.WriteRune(cut)
		}
	}
	return norm.NFC.String(b.String()) // Hangul in syllables again
}

// isSign reports whether a character after a letter belongs to the word: C++, C#.
func isSign(r rune) bool { return r == '+' || r == '#' }

// afterLetter reports whether folded text ends with a letter, or with signs after one.
func afterLetter(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(text, isSign))
	return unicode.IsLetter(last)
}

// beforeLetter reports whether a letter follows the signs that text begins with, as in "a+b",
// or a digit, which is part of the word after + only: C++11, but Dune #2.
func beforeLetter(text string, sign rune) bool {
	next, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(text, isSign))
	return unicode.IsLetter(next) || sign == '#' && unicode.IsDigit(next)
}

// withoutSigns returns a text without the signs that fold keeps, and whether it has any.
func withoutSigns(text string) (bare string, found bool) {
	if !strings.ContainsFunc(fold(text), isSign) {
		return text, false
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if isSign(r) {
			return ' '
		}
		return r
	}, text)), " "), true
}

const tatweel = 'ـ'

// digit returns the ASCII digit with the value of one of another script.
func digit(r rune) byte {
	for _, block := range unicode.Nd.R16 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return '0' + byte((r-rune(block.Lo))%10)
		}
	}
	for _, block := range unicode.Nd.R32 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return '0' + byte((r-rune(block.Lo))%10)
		}
	}
	return '0'
}

// plain spells letters that Unicode does not decompose as on an English keyboard, and
// writes the variants of an Arabic letter and both kinds of kana alike.
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
	case 'ٱ':
		return "ا"
	case 'ة':
		return "ه"
	case 'ى', 'ی':
		return "ي"
	case 'ک':
		return "ك"
	}
	if 'ァ' <= r && r <= 'ヶ' {
		return string(r - 'ァ' + 'ぁ')
	}
	return string(r)
}
