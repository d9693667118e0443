package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// namesOf returns the names that a list of authors has, folded.
func namesOf(text string) (names []string) {
	for _, part := range splitNames(text) {
		if name := foldName(part); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// splitNames splits a list of authors. A comma stands between two authors if each part has two
// names, and between the names of one otherwise.
func splitNames(text string) (parts []string) {
	text = strings.NewReplacer(" & ", ";", " and ", ";", "/", ";").Replace(text)
	for one := range strings.SplitSeq(text, ";") {
		several := strings.Split(one, ",")
		if slices.ContainsFunc(several, func(part string) bool { return len(strings.Fields(foldName(part))) < 2 }) {
			several = []string{one}
		}
		parts = append(parts, several...)
	}
	return parts
}

// foldName returns the words of a name, separated by spaces, without titles, generations and
// what stands in brackets.
func foldName(text string) string {
	if before, _, ok := strings.Cut(text, "("); ok {
		text = before
	}
	words := slices.Concat(terms(text)...)
	words = slices.DeleteFunc(words, func(word string) bool {
		return slices.Contains([]string{"jr", "sr", "dr", "phd", "md", "ii", "iii", "sir", "prof"}, word)
	})
	return strings.Join(words, " ")
}

// sameAuthors reports whether one of the names is the same on both sides, with the words that
// same takes for one. No name and a word for none are the same.
func sameAuthors(a, b []string, same func(a, b string) bool) bool {
	unknown := func(names []string) bool {
		return len(names) == 0 || len(names) == 1 && slices.Contains([]string{"anonymous", "unknown", "unknown author"}, names[0])
	}
	if unknown(a) || unknown(b) {
		return unknown(a) && unknown(b)
	}
	return slices.ContainsFunc(a, func(one string) bool {
		return slices.ContainsFunc(b, func(other string) bool { return sameName(one, other, same) })
	})
}

// sameName reports whether two folded names are those of one person: each word of the shorter
// is a word of the longer or its initial, in any order, and at least one is written out in both.
// One word alone is a whole name.
func sameName(a, b string, same func(a, b string) bool) bool {
	if strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", "") {
		return true
	}
	short, long := strings.Fields(a), strings.Fields(b)
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) < 2 {
		return false
	}
	writtenOut := 0
	var initials []string
	for _, word := range short {
		i := slices.IndexFunc(long, func(other string) bool { return same(word, other) })
		switch {
		case i >= 0 && utf8.RuneCountInString(word) > 1:
			long = slices.Delete(long, i, i+1)
			writtenOut++
		default:
			initials = append(initials, word)
		}
	}
	for _, word := range initials {
		i := slices.IndexFunc(long, func(other string) bool { return initialOf(word, other) || initialOf(other, word) })
		if i < 0 {
			return false
		}
		long = slices.Delete(long, i, i+1)
	}
	return writtenOut > 0
}

func sameWord(a, b string) bool { return a == b }

// leastTransliterated is the shortest word, in letters, that may be spelled in several ways.
// Those of shorter names are names of others: Jon and Ion.
const leastTransliterated = 7

// sameTransliteration reports whether two words may be one that comes from another script, such
// as Dostoevsky, Dostoyevsky and Dostojewski.
func sameTransliteration(a, b string) bool {
	return a == b || min(utf8.RuneCountInString(a), utf8.RuneCountInString(b)) >= leastTransliterated && transliterated(a) == transliterated(b)
}

// transliterated returns what the spellings of a word from another script have in common.
func transliterated(word string) string {
	word = strings.NewReplacer("ks", "x", "y", "i", "j", "i", "w", "v").Replace(word)
	var b strings.Builder
	for i, char := range word {
		// One i of several is enough, and none before an e: skij and sky, oye and oe.
		if rest := word[i:]; char == 'i' && (strings.HasPrefix(rest, "ii") || strings.HasPrefix(rest, "ie")) {
			continue
		}
		b.WriteRune(char)
	}
	return b.String()
}

// initialOf reports whether a word is the first letter of another.
func initialOf(word, other string) bool {
	return utf8.RuneCountInString(word) == 1 && strings.HasPrefix(other, word) && unicode.IsLetter([]rune(word)[0])
}
