package spreadsheet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Lines end with \n, \r\n, or, in tables of old spreadsheets, with \r alone.
func TestEndsOfLines(t *testing.T) {
	want := [][]string{{"a", "b"}, {"1", "two words"}, {"3", ""}}
	for _, end := range []string{"\n", "\r\n", "\r"} {
		rows, skipped := Begin(strings.NewReader(strings.Join([]string{"sep=;", "a;b", "1;two words", "3;", ""}, end)))
		rows.ReuseRecord = false
		got, err := rows.ReadAll()
		if err != nil || skipped != 1 {
			t.Errorf("%q: %v, %d lines skipped", end, err, skipped)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", end, diff)
		}
	}
}
