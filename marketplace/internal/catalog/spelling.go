package catalog

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// spelledOut writes umlauts and their like as two letters, as on a keyboard without
// them: "Müller" as "Mueller". Accents alone are left to fold.
func spelledOut(text string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(text) {
		switch unicode.ToLower(r) {
		case 'ä':
			b.WriteString("ae")
		case 'ö', 'ø':
			b.WriteString("oe")
		case 'ü':
			b.WriteString("ue")
		case 'å':
			b.WriteString("aa")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// american returns the American spelling of a folded word that may be British, or the
// word. Words that it mistakes for British ones do no harm: a spelling that nobody uses
// is found by nobody.
func american(word string) string {
	if len(word) < 4 {
		return word
	}
	for _, pair := range [][2]string{
		{"colour", "color"}, {"honour", "honor"}, {"favour", "favor"}, {"neighbour", "neighbor"}, {"labour", "labor"}, {"harbour", "harbor"},
		{"humour", "humor"}, {"rumour", "rumor"}, {"saviour", "savior"}, {"armour", "armor"}, {"behaviour", "behavior"}, {"flavour", "flavor"},
		{"odour", "odor"}, {"parlour", "parlor"}, {"splendour", "splendor"}, {"valour", "valor"}, {"endeavour", "endeavor"}, {"vapour", "vapor"},
		{"grey", "gray"}, {"theatre", "theater"}, {"centre", "center"}, {"fibre", "fiber"}, {"sabre", "saber"}, {"spectre", "specter"},
		{"sceptre", "scepter"}, {"sombre", "somber"}, {"calibre", "caliber"}, {"sepulchre", "sepulcher"}, {"metre", "meter"},
		{"defence", "defense"}, {"offence", "offense"}, {"licence", "license"}, {"pretence", "pretense"},
		{"travell", "travel"}, {"jewellery", "jewelry"}, {"marvellous", "marvelous"}, {"counsellor", "counselor"}, {"woollen", "woolen"},
		{"skilful", "skillful"}, {"wilful", "willful"}, {"storey", "story"}, {"plough", "plow"}, {"mould", "mold"}, {"moustache", "mustache"},
		{"pyjamas", "pajamas"}, {"programme", "program"}, {"tyre", "tire"}, {"sceptic", "skeptic"}, {"aeroplane", "airplane"},
		{"cosy", "cozy"}, {"catalogue", "catalog"}, {"dialogue", "dialog"}, {"archaeolog", "archeolog"}, {"encyclopaedia", "encyclopedia"},
		{"mediaeval", "medieval"}, {"manoeuvre", "maneuver"}, {"paediatric", "pediatric"}, {"aesthetic", "esthetic"},
	} {
		if rest, ok := strings.CutPrefix(word, pair[0]); ok {
			return pair[1] + rest
		}
	}
	for _, end := range []string{"ise", "ised", "iser", "ises", "ising", "isation", "yse", "ysed", "ysing"} {
		if stem, ok := strings.CutSuffix(word, end); ok && len(stem) > 2 {
			return stem + strings.Replace(end, "s", "z", 1)
		}
	}
	return word
}

// numerals writes the numbers among terms in digits: "nineteen eighty-four" as 1984. It
// returns nil if there are none.
func numerals(list []term) []term {
	parts := slices.Concat(list...)
	var written []term
	changed := false
	for i := 0; i < len(parts); {
		if value, n := number(parts[i:]); n > 0 {
			written = append(written, term{strconv.Itoa(value)})
			i += n
			changed = true
			continue
		}
		written = append(written, term{parts[i]})
		i++
	}
	if !changed {
		return nil
	}
	return written
}

// number returns the number in words that parts begin with, up to 99,999, and how many
// parts it has: 0 for none. Years may be read in pairs.
func number(parts []string) (value, n int) {
	value, n = belowHundred(parts)
	if n == 0 {
		return 0, 0
	}
	if n < len(parts) && parts[n] == "thousand" {
		value *= 1000
		n++
		if rest, m := hundreds(parts[n:]); m > 0 {
			return value + rest, n + m
		}
		return value, n
	}
	if rest, m := hundreds(parts); m > n {
		return rest, m
	}
	if second, m := belowHundred(parts[n:]); value >= 10 && second >= 10 {
		return value*100 + second, n + m
	}
	return value, n
}

// hundreds reads "nine hundred and eighty-four".
func hundreds(parts []string) (value, n int) {
	value, n = belowHundred(parts)
	if n == 0 || n == len(parts) || parts[n] != "hundred" {
		return value, n
	}
	value *= 100
	n++
	rest := parts[n:]
	joined := 0
	if len(rest) > 0 && rest[0] == "and" {
		joined = 1
	}
	if more, m := belowHundred(rest[joined:]); m > 0 {
		return value + more, n + joined + m
	}
	return value, n
}

// belowHundred reads "eighty-four".
func belowHundred(parts []string) (value, n int) {
	if len(parts) == 0 {
		return 0, 0
	}
	small := []string{
		"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
		"fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
	}
	if value = slices.Index(small, parts[0]); value >= 0 {
		return value, 1
	}
	tens := slices.Index([]string{"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}, parts[0])
	if tens < 0 {
		return 0, 0
	}
	value = 20 + 10*tens
	if len(parts) > 1 {
		if unit := slices.Index(small[:10], parts[1]); unit > 0 {
			return value + unit, 2
		}
	}
	return value, 1
}

// runsOn reports whether a word has a letter of a script that puts no spaces between
// words, or attaches others to them, so that readers look for parts of it.
func runsOn(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool {
		return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
	})
}

// ISBN13 returns an ISBN of 10 or 13 characters, with or without hyphens, as 13 digits; ok
// is false if it is none.
func ISBN13(text string) (digits string, ok bool) { return isbn(text) }

// askedISBN returns the ISBN in a search, which may have the word before it: "ISBN-13: 978…".
func askedISBN(text string) (digits string, ok bool) {
	text = strings.TrimSpace(text)
	if word := "isbn"; len(text) > len(word) && strings.EqualFold(text[:len(word)], word) {
		text = text[len(word):]
		for _, kind := range []string{"-13", "-10", " 13", " 10", "13", "10"} {
			if rest, found := strings.CutPrefix(text, kind); found && strings.HasPrefix(strings.TrimSpace(rest), ":") {
				text = rest
			}
		}
		text = strings.TrimLeft(text, " :#\u00a0")
	}
	return isbn(text)
}

// isbn returns text as the 13 digits of an ISBN, and whether it is one: 13 digits or 10
// of which the last may be X, with or without hyphens and spaces.
func isbn(text string) (digits string, ok bool) {
	var b strings.Builder
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == 'x' || r == 'X':
			b.WriteByte('X')
		case r == '-' || r == ' ' || r == '\u2010' || r == '\u2011' || r == '\u2013': // hyphens of several kinds
		default:
			return "", false
		}
	}
	digits = b.String()
	switch x := strings.IndexByte(digits, 'X'); {
	case len(digits) == 13 && x < 0:
		return digits, true
	case len(digits) == 10 && (x < 0 || x == 9):
		digits = "978" + digits[:9]
		sum := 0
		for i, d := range []byte(digits) {
			sum += int(d-'0') * (1 + 2*(i%2))
		}
		return digits + string(rune('0'+(10-sum%10)%10)), true
	}
	return "", false
}
