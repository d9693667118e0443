package spreadsheet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{"=1+1": "'=1+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "1984": "1984", "a=b": "a=b", "": ""} {
		if got := Cell(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

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
