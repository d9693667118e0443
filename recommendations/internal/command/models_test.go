package command

import (
	"strings"
	"testing"
)

func TestAPrefixNamesOneVersion(t *testing.T) {
	for prefix, want := range map[string]string{
		"ab":   `"ab" begins the versions of 2 models: abc, abcd`,
		"abc":  "abc", // although it also begins another
		"abcd": "abcd",
		"b":    "bcd",
		"x":    `model not found: "x"`,
		"":     "the version is empty",
	} {
		got, err := match([]string{"abc", "abcd", "bcd"}, prefix)
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.HasPrefix(got, want)) {
			t.Errorf("%q: %s, want %s", prefix, got, want)
		}
	}
}
