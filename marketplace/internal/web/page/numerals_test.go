package page

import (
	"testing"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"bookstall/marketplace/internal/catalog"
)

func TestNumerals(t *testing.T) {
	for _, one := range []struct {
		language, home  string
		amount, unit    string
		price           string
		number          int64
		count, allBooks string
	}{
		{"en", "", "12.9", "EUR", "€12.90", 1234567, "1,234,567", "1,234,567 books"},
		{"en", "", "12.90", "GBP", "£12.90", 1, "1", "1 book"},
		{"en", "", "1234567.5", "USD", "$1,234,567.50", 0, "0", "0 books"},
		{"en", "", "1290", "JPY", "¥1,290", 999, "999", "999 books"},
		{"en", "", "1200.00", "JPY", "¥1,200", 1000, "1,000", "1,000 books"},
		{"en", "", "1200.5", "JPY", "¥1,200.5", 12, "12", "12 books"},
		{"en", "", "1.5", "KWD", "KWD\u00a01.500", 12, "12", "12 books"},
		{"en", "", "0.125", "EUR", "€0.125", 12, "12", "12 books"},
		{"en", "", "5", "XQQ", "XQQ\u00a05.00", 12, "12", "12 books"},
		{"en", "", "7", "CHF", "CHF\u00a07.00", 12, "12", "12 books"},
		{"en", "", "5", "CAD", "CA$5.00", 12, "12", "12 books"},
		{"en", "CAD", "5", "CAD", "$5.00", 12, "12", "12 books"},
		{"en", "SEK", "5", "SEK", "kr\u00a05.00", 12, "12", "12 books"},
		{"en", "", "", "", "", 12, "12", "12 books"},
		{"en-IN", "", "1234567.5", "INR", "₹12,34,567.50", 12345678, "1,23,45,678", "1,23,45,678 books"},
		{"de", "EUR", "12.9", "EUR", "12,90\u00a0€", 1234, "1.234", "1.234 books"},
		{"de", "", "1290", "JPY", "1.290\u00a0¥", 12, "12", "12 books"},
		{"de-CH", "CHF", "1234.5", "CHF", "CHF\u00a01’234.50", 1234, "1’234", "1’234 books"},
		{"de-AT", "EUR", "12.9", "EUR", "€\u00a012,90", 12, "12", "12 books"},
		{"fr", "", "1234.5", "EUR", "1\u00a0234,50\u00a0€", 1234, "1\u00a0234", "1\u00a0234 books"},
		{"nl", "", "12.9", "EUR", "€\u00a012,90", 12, "12", "12 books"},
		{"ja", "", "1290", "JPY", "￥1,290", 12, "12", "12 books"},
		{"fa", "", "12.9", "EUR", "€۱۲٫۹۰", 1234, "۱٬۲۳۴", "۱٬۲۳۴ books"},
	} {
		var home currency.Unit
		if one.home != "" {
			home = currency.MustParseISO(one.home)
		}
		n := newNumerals(language.MustParse(one.language), home)
		if got := n.price(&catalog.Book{Price: one.amount, Currency: one.unit}); got != one.price {
			t.Errorf("%s, shop of %q: %s %s is %q, want %q", one.language, one.home, one.amount, one.unit, got, one.price)
		}
		if got, books := n.count(one.number), n.books(int(one.number)); got != one.count || books != one.allBooks {
			t.Errorf("%s: %d is %q and %q, want %q and %q", one.language, one.number, got, books, one.count, one.allBooks)
		}
	}
}
