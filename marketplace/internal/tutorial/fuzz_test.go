package tutorial

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Any input becomes a text that protobuf accepts and a URL can carry. said is
// idempotent.
func FuzzSaid(f *testing.F) {
	for _, typed := range []string{"", " hello  world\n", "\xff\xfe", strings.Repeat("é", 301), "\u00a0x\u2028", strings.Repeat(" ", 400) + "x"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got := said(typed)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxSaid || strings.TrimSpace(got) != got {
			t.Errorf("%q became %q", typed, got)
		}
		if again := said(got); again != got {
			t.Errorf("%q became %q, then %q", typed, got, again)
		}
	})
}
