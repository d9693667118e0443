package bookcsv

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"bookstall/recommendations/internal/domain"
)

// maxSlug is the longest category, in bytes. Categories are used in URLs and as
// metric labels.
const maxSlug = 40

func parseCategories(into *[]string, cell string) error {
	if cell == "" {
		return errors.New("is empty; a book has 1 to 4 categories")
	}
	if n := strings.Count(cell, "|") + 1; n > maxCategories {
		return fmt.Errorf("%s has %d categories, at most %d are allowed", quote(cell), n, maxCategories)
	}
	slugs := strings.Split(cell, "|")
	for i, slug := range slugs {
		if !isSlug(slug) {
			return fmt.Errorf("%s is not a category: it must have the form self-help, at most %d characters", quote(slug), maxSlug)
		}
		if slices.Contains(slugs[:i], slug) {
			return fmt.Errorf("%s is listed twice", quote(slug))
		}
	}
	*into = slugs
	return nil
}

// isSlug reports whether s matches [a-z0-9]+(-[a-z0-9]+)* and is short enough.
func isSlug(s string) bool {
	if len(s) > maxSlug {
		return false
	}
	for part := range strings.SplitSeq(s, "-") {
		if part == "" || !consists(part, func(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' }) {
			return false
		}
	}
	return true
}

// parseISBN checks the form only: some books are sold under a number that was
// printed with a wrong check digit.
func parseISBN(into *string, cell string) error {
	isbn := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(bare(cell)))
	digits := isbn
	if len(isbn) == 10 {
		digits = strings.TrimSuffix(isbn, "X")
	}
	right := len(isbn) == 0 || len(isbn) == 10 || len(isbn) == 13
	if !right || !consists(digits, isDigit) {
		return fmt.Errorf("%s is not an ISBN: it must be 13 digits, or 10 of which the last may be X", quote(cell))
	}
	*into = isbn
	return nil
}

// parsePrice keeps the text: a floating-point number cannot hold a price exactly. A comma
// before one or two digits is read as a point; before three it may separate thousands.
func parsePrice(into *string, cell string) error {
	if cell == "" {
		return nil
	}
	price := cell
	if whole, fraction, ok := strings.Cut(cell, ","); ok && len(fraction) <= 2 {
		price = whole + "." + fraction
	}
	whole, fraction, point := strings.Cut(price, ".")
	right := len(whole) >= 1 && len(whole) <= 9 && consists(whole, isDigit) && (whole == "0" || whole[0] != '0') &&
		(!point || len(fraction) >= 1 && len(fraction) <= 3 && consists(fraction, isDigit))
	if !right {
		return fmt.Errorf("%s is not a price: it must have the form 12.90, without a currency and without separators of thousands", quote(cell))
	}
	*into = price
	return nil
}

func parseCurrency(into *string, cell string) error {
	right := len(cell) == 0 || len(cell) == 3
	if !right || !consists(cell, func(c byte) bool { return 'A' <= c && c <= 'Z' }) {
		return fmt.Errorf("%s is not a currency: it must have the form EUR", quote(cell))
	}
	*into = cell
	return nil
}

// parseLanguage checks the form of a BCP 47 tag. It does not look the language up
// in the registry, which grows.
func parseLanguage(into *string, cell string) error {
	if cell == "" {
		return nil
	}
	first, _, _ := strings.Cut(cell, "-")
	right := len(cell) <= 35 && len(first) >= 2 && consists(first, isLetter)
	for part := range strings.SplitSeq(cell, "-") {
		right = right && len(part) >= 1 && len(part) <= 8 &&
			consists(part, func(c byte) bool { return isLetter(c) || isDigit(c) })
	}
	if !right {
		return fmt.Errorf("%s is not a language: it must have the form en or pt-BR", quote(cell))
	}
	*into = cell
	return nil
}

func parseAvailability(into *domain.Availability, cell string) error {
	switch a := domain.Availability(strings.ToLower(cell)); a {
	case domain.AvailabilityUnknown, domain.Available, domain.Unavailable:
		*into = a
		return nil
	}
	return fmt.Errorf("%s is neither available nor unavailable", quote(cell))
}

// parseAddress parses an address that pages may link to. One that is written with other
// characters than those of RFC 3986 is refused: browsers differ in how they read it.
func parseAddress(into *string, cell string) error {
	if cell == "" {
		return nil
	}
	if n := len(cell); n > maxBuyURL {
		return fmt.Errorf("has %d characters, at most %d are allowed", n, maxBuyURL)
	}
	u, err := url.Parse(cell)
	plain := consists(cell, func(c byte) bool {
		return isDigit(c) || isLetter(c) || strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", c) >= 0
	})
	if err != nil || !plain || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("%s is not an address: it must have the form https://shop.example/book/7, with http or https and without a user", quote(cell))
	}
	*into = cell
	return nil
}

// parseContributors parses names such as Alan Lee (illustrator)|Christopher Tolkien.
func parseContributors(into *[]domain.Contributor, cell string) error {
	list := domain.ParseContributors(cell)
	if n := len(list); n > maxContributors {
		return fmt.Errorf("has %d names, at most %d are allowed", n, maxContributors)
	}
	for _, c := range list {
		if err := parseName(new(string), c.Name, maxAuthor); err != nil {
			return fmt.Errorf("the name %s %w", quote(c.Name), err)
		}
		if err := parseLine(new(string), c.Role, maxRole); err != nil {
			return fmt.Errorf("the role %s %w", quote(c.Role), err)
		}
	}
	*into = list
	return nil
}

// parseAdded parses the time at which a catalogue got a book, or its day. A time to come would
// make all other books old: the shop calls those new that are about as young as the newest.
func parseAdded(into *time.Time, cell string) error {
	if cell == "" {
		return nil
	}
	var t time.Time
	if err := parseTime(&t, cell); err != nil {
		return err
	}
	if t = t.Truncate(time.Second); t.Unix() <= 0 {
		return fmt.Errorf("%s is before 1970", quote(cell))
	}
	if t.After(time.Now().Add(24 * time.Hour)) { // a day for clocks and time zones
		return fmt.Errorf("%s is in the future", quote(cell))
	}
	*into = t
	return nil
}

// formatAdded writes what parseAdded reads.
func formatAdded(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.UTC().Format(time.DateOnly)
	}
	return t.UTC().Format(time.RFC3339)
}

// consists reports whether every byte of s satisfies of.
func consists(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
