package page

import (
	"strings"
	"testing"

	"bookstall/marketplace/internal/catalog"
)

func TestFormat(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{formatCount(0), "0"},
		{formatCount(999), "999"},
		{formatCount(1000), "1,000"},
		{formatCount(int64(1234567)), "1,234,567"},
		{formatCount(-1234), "-1,234"},
		{formatCount(-123), "-123"},
		{formatYear(1937), "1937"},
		{formatYear(-700), "700 BCE"},
		{formatPrice(catalog.Book{}), ""},
		{formatPrice(catalog.Book{Price: "12.90", Currency: "EUR"}), "€12.90"},
		{formatPrice(catalog.Book{Price: "12.90", Currency: "GBP"}), "£12.90"},
		{formatPrice(catalog.Book{Price: "12.90", Currency: "USD"}), "$12.90"},
		{formatPrice(catalog.Book{Price: "1200", Currency: "JPY"}), "¥1,200"},
		{formatPrice(catalog.Book{Price: "12.9", Currency: "EUR"}), "€12.90"},
		{formatPrice(catalog.Book{Price: "7", Currency: "CHF"}), "CHF\u00a07.00"},
		{formatPrice(catalog.Book{Price: "1234567.5", Currency: "USD"}), "$1,234,567.50"},
		{formatPrice(catalog.Book{Price: "1200.00", Currency: "JPY"}), "¥1,200"},
		{formatPrice(catalog.Book{Price: "1200.5", Currency: "JPY"}), "¥1,200.5"},
		{formatPrice(catalog.Book{Price: "1.5", Currency: "KWD"}), "KWD\u00a01.500"},
		{formatPrice(catalog.Book{Price: "0.125", Currency: "EUR"}), "€0.125"},
		{formatPrice(catalog.Book{Price: "5", Currency: "XQQ"}), "XQQ\u00a05.00"},
		{formatSeries(&catalog.Book{Series: "Saga #1"}), "Saga #1"},
		{formatSeries(&catalog.Book{Series: "Saga", SeriesNumber: "1-3"}), "Saga #1-3"},
		{strings.Join(paragraphs("One\nline.\n\n\nTwo.\n\n \n\n"), "|"), "One\nline.|Two."},
		{strings.Join(paragraphs(""), "|"), ""},
		{formatLanguage("en"), "English"},
		{formatLanguage("sw"), "sw"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
