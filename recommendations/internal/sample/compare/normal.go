package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold makes texts equal that a reader would call the same: it drops case,
// accents and punctuation, and puts one space between words.
func fold(text string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFKD.String(text) {
		r = unicode.ToLower(r)
		switch {
		case unicode.Is(unicode.Mn, r), strings.ContainsRune("'’‘`ʼ", r):
			// An accent or an apostrophe goes without a trace: don't, dont.
		case r == '&':
			b.WriteString(" and ")
			space = false
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if space {
				b.WriteByte(' ')
			}
			space = false
			b.WriteString(plainLetter(r))
		default:
			space = true
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// plainLetter replaces letters that Unicode does not decompose.
func plainLetter(r rune) string {
	switch r {
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'ı':
		return "i"
	case 'þ':
		return "th"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ß':
		return "ss"
	}
	return string(r)
}

// titleKeys are the forms under which a title may be found elsewhere.
type titleKeys struct {
	full string   // all of it, but for a series in parentheses
	part []string // before and after a colon, semicolon or dash
}

func keysOf(title string) titleKeys {
	title = strings.TrimSpace(title)
	for strings.HasSuffix(title, ")") {
		open := strings.LastIndex(title, "(")
		if open <= 0 {
			break
		}
		title = strings.TrimSpace(title[:open])
	}
	keys := titleKeys{full: foldTitle(title)}
	for _, mark := range []string{":", ";", " - ", " – ", " — "} {
		if i := strings.Index(title, mark); i > 0 {
			keys.add(title[:i])
			keys.add(title[strings.LastIndex(title, mark)+len(mark):])
		}
	}
	return keys
}

func (k *titleKeys) add(part string) {
	if key := foldTitle(part); key != "" && key != k.full {
		k.part = append(k.part, key)
	}
}

// foldTitle drops the article, which catalogues put in front, behind a comma,
// or nowhere.
func foldTitle(title string) string {
	key := fold(title)
	for _, article := range []string{"the", "a", "an"} {
		if rest, ok := strings.CutPrefix(key, article+" "); ok {
			return rest
		}
		if rest, ok := strings.CutSuffix(key, " "+article); ok && strings.Contains(title, ", ") {
			return rest
		}
	}
	return key
}

// sameAuthor compares two names: spaces between initials do not matter, nor do
// middle names and initials that one of them leaves out, nor Jr.
func sameAuthor(a, b string) bool {
	as, bs := nameParts(a), nameParts(b)
	if len(as) == 0 || len(bs) == 0 {
		return len(as) == len(bs)
	}
	if strings.Join(as, "") == strings.Join(bs, "") {
		return true
	}
	if as[len(as)-1] != bs[len(bs)-1] || len(as) == 1 || len(bs) == 1 {
		return false
	}
	first, second := as[0], bs[0]
	if len(first) == 1 || len(second) == 1 {
		return first[0] == second[0]
	}
	return first == second
}

// nameParts folds a name. Who is not known is called differently everywhere.
func nameParts(name string) []string {
	parts := strings.Fields(fold(name))
	if len(parts) > 2 && (parts[len(parts)-1] == "jr" || parts[len(parts)-1] == "sr") {
		parts = parts[:len(parts)-1]
	}
	if len(parts) == 1 && (parts[0] == "anonymous" || parts[0] == "unknown") {
		return nil
	}
	return parts
}
