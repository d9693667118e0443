package page

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"bookstall/marketplace/internal/catalog"
)

// formatCount writes a whole number of any type, 1234567 as 1,234,567.
func formatCount(n any) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// formatPrice writes a price as readers know it, with as many decimals as its currency has;
// "" for a book without one. It leaves out no digit that says something.
func formatPrice(b catalog.Book) string {
	if b.Price == "" {
		return ""
	}
	decimals := 2
	if unit, err := currency.ParseISO(b.Currency); err == nil {
		decimals, _ = currency.Standard.Rounding(unit)
	}
	whole, fraction, _ := strings.Cut(b.Price, ".")
	fraction = strings.TrimRight(fraction, "0")
	fraction += strings.Repeat("0", max(0, decimals-len(fraction)))
	amount := formatCount(whole)
	if fraction != "" {
		amount += "." + fraction
	}
	if symbol, ok := map[string]string{"CNY": "CN¥", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "KRW": "₩", "USD": "$"}[b.Currency]; ok {
		return symbol + amount
	}
	return b.Currency + "\u00a0" + amount
}

// formatSeries names the series of a book, and the place in it.
func formatSeries(b *catalog.Book) string {
	if b.SeriesNumber == "" {
		return b.Series
	}
	return b.Series + " #" + b.SeriesNumber
}

// authorsOf returns the authors of a book, and those who had another part in it.
func authorsOf(b *catalog.Book) (authors []string, others []catalog.Contributor) {
	if b.Author != "" {
		authors = append(authors, b.Author)
	}
	for _, c := range b.Contributors {
		if c.Role == "" {
			authors = append(authors, c.Name)
		} else {
			others = append(others, c)
		}
	}
	return authors, others
}

// paragraphs returns the parts of a text that blank lines separate.
func paragraphs(text string) (list []string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if part = strings.Trim(part, "\n"); strings.TrimSpace(part) != "" {
			list = append(list, part)
		}
	}
	return list
}

// formatYear writes a year; negative is BCE.
func formatYear(year int) string {
	if year < 0 {
		return fmt.Sprintf("%d BCE", -year)
	}
	return strconv.Itoa(year)
}

// formatLanguage names the languages that most books are in; other codes stay.
func formatLanguage(code string) string {
	return cmp.Or(map[string]string{
		"de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian",
		"ja": "Japanese", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian", "zh": "Chinese",
	}[code], code)
}

// countBooks writes a number of books.
func countBooks(n int) string {
	if n == 1 {
		return "1 book"
	}
	return formatCount(n) + " books"
}
