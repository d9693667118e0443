package spreadsheet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/transform"
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

// Spreadsheets keep the zeros of ="042". What stands within quotes is text, and stays.
func TestFormulasInQuotes(t *testing.T) {
	text := "isbn,title\n" +
		"=\"0439023483\",=\"\"\n" + // not in quotes, as some programs write them
		"\"=\"\"0439\"\"\",\"a \"\"b\"\", =\"\"c\"\"\"\n" + // in quotes
		"a=\"b\n"
	for _, size := range []int{1, 2, 3, 7, len(text)} { // a chunk may end anywhere
		var got strings.Builder
		w := transform.NewWriter(&got, &quotedFormulas{separator: ','})
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(text, "=\"0439023483\",=\"\"\n", "\"0439023483\",\"\"\n", 1)
		if got.String() != want {
			t.Errorf("in chunks of %d: %q, want %q", size, got.String(), want)
		}
	}
}
