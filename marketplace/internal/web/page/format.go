package page

import (
	"cmp"
	"fmt"
	"strconv"

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

// formatPrice writes a price as readers know it; "" for a book without one.
func formatPrice(b catalog.Book) string {
	if symbol, ok := map[string]string{"": "", "EUR": "€", "GBP": "£", "USD": "$"}[b.Currency]; ok {
		return symbol + b.Price
	}
	return b.Currency + " " + b.Price
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
