package page

import (
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
	switch b.Currency {
	case "":
		return ""
	case "EUR":
		return "€" + b.Price
	case "GBP":
		return "£" + b.Price
	case "USD":
		return "$" + b.Price
	}
	return b.Currency + " " + b.Price
}

// formatYear writes a year of first publication.
func formatYear(year int) string {
	if year < 0 {
		return fmt.Sprintf("%d BCE", -year)
	}
	return strconv.Itoa(year)
}

// formatLanguage names the languages that most books are in.
func formatLanguage(code string) string {
	switch code {
	case "de":
		return "German"
	case "en":
		return "English"
	case "es":
		return "Spanish"
	case "fr":
		return "French"
	case "it":
		return "Italian"
	case "ja":
		return "Japanese"
	case "nl":
		return "Dutch"
	case "pt":
		return "Portuguese"
	case "ru":
		return "Russian"
	case "zh":
		return "Chinese"
	}
	return code
}
