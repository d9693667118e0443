package page

import (
	"strings"
	"testing"

	"bookstall/marketplace/internal/catalog"
)

func TestFormat(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{formatYear(1937), "1937"},
		{formatYear(-700), "700 BCE"},
		{formatSeries(&catalog.Book{Series: "Saga #1"}), "Saga #1"},
		{formatSeries(&catalog.Book{Series: "Saga", SeriesNumber: "1-3"}), "Saga #1-3"},
		{strings.Join(paragraphs("One\nline.\n\n\nTwo.\n\n \n\n"), "|"), "One\nline.|Two."},
		{strings.Join(paragraphs(""), "|"), ""},
		{formatLanguage("en"), "English"},
		{formatLanguage("he"), "Hebrew"},
		{formatLanguage("ger"), "German"},
		{formatLanguage("ab"), "Abkhazian"},
		{formatLanguage("zu"), "Zulu"},
		{formatLanguage("zh-Hant"), "Chinese (Hant)"},
		{formatLanguage("pt-BR"), "Portuguese (BR)"},
		{formatLanguage("zz"), "Language zz"},
		{formatLanguage("no-such-code"), "Language no-such-code"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
