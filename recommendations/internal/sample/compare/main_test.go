package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ours = `book_id,title,author,year,categories,popularity
1,The Hobbit,J.R.R. Tolkien,1937,fantasy,
2,The Prince,Niccolò Machiavelli,1532,classics,
3,Out of Africa,Karen Blixen,1937,biography-memoir,
4,The Death of Ivan Ilyich,Leo Tolstoy,1886,classics,
5,North,Seamus Heaney,1975,poetry,
6,Night,Elie Wiesel,,history,
7,A Tale of Tubs,Nobody,1700,classics,
8,The Odyssey,Homer,-725,poetry,
`

// Columns as goodbooks-10k has them.
const theirs = `book_id,authors,original_publication_year,original_title,title
10,"J.R.R. Tolkien, Alan Lee",1938.0,The Hobbit or There and Back Again,The Hobbit
11,"Niccolò Machiavelli, George Bull",1513.0,Il Principe,The Prince
12,"Isak Dinesen, Karen Blixen",1937.0,Den afrikanske farm,Out of Africa
13,"Leo Tolstoy, Aylmer Maude",1886.0,,The Death of Ivan Ilych
14,Brad Kessler,2001.0,North,North
15,Elie Wiesel,1958.0,,Night (The Night Trilogy #1)
16,Somebody Else,1700.0,A Tale of Tubs,A Tale of Tubs
17,"Homer, Robert Fagles",,Ὀδύσσεια,The Odyssey
`

const want = `found: 1 The Hobbit, J.R.R. Tolkien (1937)
mismatch: 2 The Prince, Niccolò Machiavelli (1532): year: ours "1532", theirs "1513" (line 3: The Prince)
mismatch: 3 Out of Africa, Karen Blixen (1937): author: ours "Karen Blixen", theirs "Isak Dinesen, Karen Blixen" (line 4: Out of Africa)
mismatch: 4 The Death of Ivan Ilyich, Leo Tolstoy (1886): title: ours "The Death of Ivan Ilyich", theirs "The Death of Ivan Ilych" (line 5: The Death of Ivan Ilych)
not found: 5 North, Seamus Heaney (1975)
mismatch: 6 Night, Elie Wiesel (unknown): year: ours "unknown", theirs "1958" (line 7: Night (The Night Trilogy #1))
mismatch: 7 A Tale of Tubs, Nobody (1700): author: ours "Nobody", theirs "Somebody Else" (line 8: A Tale of Tubs)
found: 8 The Odyssey, Homer (-725)
8 books: 2 found, 1 not found, 5 mismatching (title 1, author 2, year 2)
`

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func compress(t *testing.T, content string) string {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := io.WriteString(writer, content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

func TestReport(t *testing.T) {
	for name, path := range map[string]string{
		"plain":      write(t, "books.csv", theirs),
		"compressed": write(t, "books.csv.gz", compress(t, theirs)),
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(context.Background(), []string{"-books", write(t, "ours.csv", ours), path}, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The embedded catalogue, which has the project's own columns, agrees with itself.
func TestEmbeddedAgreesWithItself(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"../data/books.csv"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), " 0 not found, 0 mismatching (title 0, author 0, year 0)\n") {
		t.Error(out.String())
	}
}

func TestBadInput(t *testing.T) {
	good := write(t, "books.csv", theirs)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no file named":       {nil, "name one file to compare with"},
		"two files named":     {[]string{good, good}, "name one file to compare with"},
		"no such file":        {[]string{"absent.csv"}, "absent.csv"},
		"no such own file":    {[]string{"-books", "absent.csv", good}, "absent.csv"},
		"unknown flag":        {[]string{"-x"}, "flag provided but not defined"},
		"empty":               {[]string{write(t, "b", "")}, "the file is empty"},
		"other columns":       {[]string{write(t, "b", "id,name\n")}, "title, author (or authors) and year"},
		"bad year":            {[]string{write(t, "b", "title,author,year\nT,A,x\n")}, `line 2: the year "x" is not a whole number`},
		"short row":           {[]string{write(t, "b", "title,author,year\nT,A\n")}, "wrong number of fields"},
		"broken compression":  {[]string{write(t, "b", "\x1f\x8b")}, "EOF"},
		"cut off compression": {[]string{write(t, "b", compress(t, theirs)[:60])}, "EOF"},
		"bad row of ours":     {[]string{"-books", write(t, "o.csv", strings.Replace(ours, "1937", "x", 1)), good}, `o.csv:2: year: "x" is not a whole number`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(context.Background(), test.args, &out, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if out.Len() > 0 {
				t.Errorf("it reported %q", out.String())
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var stderr bytes.Buffer
	if err := run(context.Background(), []string{"-h"}, io.Discard, &stderr); err != nil || !strings.Contains(stderr.String(), "usage: compare") {
		t.Errorf("got %v, %q", err, stderr.String())
	}
}
