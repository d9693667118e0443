package page

import (
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
		{formatPrice(catalog.Book{Price: "1200", Currency: "JPY"}), "JPY 1200"},
		{formatLanguage("en"), "English"},
		{formatLanguage("sw"), "sw"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
