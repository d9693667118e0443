package bookcsv

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The functions below convert a cell of a profile to a cell of the project.

// seriesSuffix matches the series after a title, as in "Emma (A Series, #3)".
var seriesSuffix = regexp.MustCompile(`^(.*\S)\s*\(([^()]*\S)\s*,?\s*#([^()#]+)\)$`)

func splitTitle(full string) (title, series string) {
	full = strings.Join(strings.Fields(full), " ")
	m := seriesSuffix.FindStringSubmatch(full)
	if m == nil {
		return full, ""
	}
	return m[1], strings.Trim(m[2], ", ") + " #" + strings.TrimSpace(m[3])
}

func titleOnly(cell string) (string, error) {
	title, _ := splitTitle(cell)
	return title, nil
}

func seriesOnly(cell string) (string, error) {
	_, series := splitTitle(cell)
	return series, nil
}

// oneLine also removes the backslash with which some sets write a quote.
func oneLine(cell string) (string, error) {
	return strings.Join(strings.Fields(strings.ReplaceAll(cell, `\"`, `"`)), " "), nil
}

// unescaped also reads the entities of HTML in Book-Crossing.
func unescaped(cell string) (string, error) { return oneLine(html.UnescapeString(cell)) }

func firstAuthor(cell string) (string, error) {
	author, _, _ := strings.Cut(cell, ",")
	return oneLine(author)
}

func furtherAuthors(cell string) (string, error) {
	_, others, _ := strings.Cut(cell, ",")
	return authors(others)
}

// authors converts names that are separated by commas, as many as a book may have.
func authors(cell string) (string, error) {
	var names []string
	for one := range strings.SplitSeq(strings.ReplaceAll(cell, "|", ","), ",") {
		if name, _ := oneLine(one); name != "" && len(names) < maxContributors {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|"), nil
}

// yearOrNone reads the year 0, by which sets mean an unknown one.
func yearOrNone(cell string) (string, error) {
	if withoutFraction(cell) == "0" {
		return "", nil
	}
	return cell, nil
}

// yearSuffix matches the year after a title, as in "Heat (1995)".
var yearSuffix = regexp.MustCompile(`^(.*\S)\s*\((\d{4})\)$`)

func titleWithoutYear(cell string) (string, error) {
	if m := yearSuffix.FindStringSubmatch(cell); m != nil {
		return m[1], nil
	}
	return cell, nil
}

func yearOfTitle(cell string) (string, error) {
	if m := yearSuffix.FindStringSubmatch(cell); m != nil {
		return yearOrNone(strings.TrimLeft(m[2], "0"))
	}
	return "", nil
}

// genres converts names such as Sci-Fi|Film Noir to categories, at most as many as a book may
// have.
func genres(cell string) (string, error) {
	var slugs []string
	for name := range strings.SplitSeq(strings.ToLower(cell), "|") {
		words := strings.FieldsFunc(name, func(char rune) bool { return char > 'z' || !isDigit(byte(char)) && !isLetter(byte(char)) })
		if slug := strings.Join(words, "-"); isSlug(slug) && slug != "no-genres-listed" && !slices.Contains(slugs, slug) && len(slugs) < maxCategories {
			slugs = append(slugs, slug)
		}
	}
	return strings.Join(slugs, "|"), nil
}

// shortISBN restores the leading zeros that are missing in goodbooks-10k.
func shortISBN(cell string) (string, error) {
	if cell == "" || len(cell) > 10 {
		return "", nil
	}
	return strings.Repeat("0", 10-len(cell)) + cell, nil
}

// isbnKey returns the function that makes the id of a book from its ISBN. Where ids may be
// texts, what is no ISBN is one: sets have other codes in that column.
func isbnKey(o Options) func(cell string) (string, error) {
	return func(cell string) (string, error) {
		id, err := isbnID(cell)
		if err != nil && o.BookIDs != nil {
			return cell, nil
		}
		return id, err
	}
}

// isbnID makes the id of a book from its ISBN: the number with 13 digits, which is the same
// for both forms of an ISBN.
func isbnID(cell string) (string, error) {
	var isbn string
	if err := parseISBN(&isbn, cell); err != nil {
		return "", err
	}
	if isbn == "" {
		return "", errEmpty
	}
	if len(isbn) == 10 {
		if !checked10(isbn) { // the form with 13 digits would be that of another book
			return "", fmt.Errorf("%s is not an ISBN: its check digit is wrong", quote(cell))
		}
		isbn = "978" + isbn[:9]
		sum := 0
		for i := range len(isbn) {
			sum += int(isbn[i]-'0') * (1 + i%2*2)
		}
		isbn += strconv.Itoa((10 - sum%10) % 10)
	}
	if isbn[0] == '0' {
		return "", fmt.Errorf("%s is not an ISBN", quote(cell))
	}
	return isbn, nil
}

// checked10 reports whether the check digit of an ISBN of 10 digits is right.
func checked10(isbn string) bool {
	sum := 0
	for i, c := range []byte(isbn) {
		digit := int(c - '0')
		if c == 'X' {
			digit = 10
		}
		sum += (10 - i) * digit
	}
	return sum%11 == 0
}

// language converts a language code of goodbooks-10k, most of which have three letters, to
// BCP 47.
func language(code string) (string, error) {
	tags := map[string]string{
		"eng": "en", "spa": "es", "fre": "fr", "ger": "de", "ita": "it", "por": "pt", "rus": "ru", "jpn": "ja", "ara": "ar",
		"dan": "da", "nor": "no", "swe": "sv", "vie": "vi", "per": "fa", "ind": "id", "tur": "tr", "pol": "pl", "rum": "ro",
		"mul": "", // several languages
	}
	if tag, ok := tags[code]; ok {
		return tag, nil
	}
	return code, nil
}
