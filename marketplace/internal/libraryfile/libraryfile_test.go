package libraryfile

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadFile(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want File
	}{
		"Goodreads": {
			"Book Id,Title,Author,ISBN,ISBN13,My Rating,Year Published,Original Publication Year,Exclusive Shelf\n" +
				`1," The  Lamp Room (Harbour, #2)",Ida Field,"=""0439023483""","=""9780439023481""",5,2012,2009,read` + "\n" +
				`2,Salt,John  Marsh,"=""""","=""""",0,,,to-read` + "\n" +
				"3,Short\n" + "4,,No title,,,3,,,read\n" + "5,Salt,J M,,,6,,,read\n" + "6,Salt,J M,,,x,,,read\n",
			File{Origin: "Goodreads", Faulty: 3, Faults: []Fault{
				{5, "it has no title"}, {6, "its rating, “6”, is not a number from 0 to 5"}, {7, "its rating, “x”, is not a number from 0 to 5"},
			}, Rows: []Row{
				{Title: "The Lamp Room (Harbour, #2)", Authors: "Ida Field", ISBNs: []string{"9780439023481", "0439023483"}, Years: []int{2009, 2012}, Stars: 5, Status: Read},
				{Title: "Salt", Authors: "John Marsh", Status: ToRead},
				{Title: "Short"},
			}},
		},
		"The StoryGraph": {
			"\ufeffTitle;Authors;Contributors;ISBN/UID;Format;Read Status;Star Rating\n" +
				"A;B;;9780439023481;digital;did-not-finish;\nC;D;;;;read;0.25\nE;F;;;;read;4,75\nG;H;;;;paused;3.5\n",
			File{Origin: "The StoryGraph", Rows: []Row{
				{Title: "A", Authors: "B", ISBNs: []string{"9780439023481"}, Status: Abandoned},
				{Title: "C", Authors: "D", Stars: 1, Status: Read},
				{Title: "E", Authors: "F", Stars: 5, Status: Read},
				{Title: "G", Authors: "H", Stars: 4, Status: ToRead},
			}},
		},
		"lines before a fault": {
			"sep=,\r\nTitle,Authors,Read Status,Star Rating\r\n\"Two\r\nlines\",B,read,1\r\n\r\n,B,read,1\r\n",
			File{Origin: "The StoryGraph", Faulty: 1, Faults: []Fault{{6, "it has no title"}}, Rows: []Row{{Title: "Two lines", Authors: "B", Stars: 1, Status: Read}}},
		},
		"rows without text": {
			"Title;Authors;Read Status;Star Rating\n;;;\nA;B;read;1\n;;;;;\n ; ;;\n;B;read;1\n;;;\n",
			File{Origin: "The StoryGraph", Faulty: 1, Faults: []Fault{{6, "it has no title"}}, Rows: []Row{{Title: "A", Authors: "B", Stars: 1, Status: Read}}},
		},
		"many faults": {
			"Title,Authors,Read Status,Star Rating\n" + strings.Repeat(",B,read,1\n", 21),
			File{Origin: "The StoryGraph", Faulty: 21, Faults: untitled(2, 20)},
		},
		"no rows": {"Title,Authors,Read Status,Star Rating", File{Origin: "The StoryGraph"}},
	} {
		got, err := ReadFile(strings.NewReader(tc.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// untitled returns the faults of n rows without a title.
func untitled(line, n int) (list []Fault) {
	for i := range n {
		list = append(list, Fault{line + i, "it has no title"})
	}
	return list
}

func TestReadFileRefuses(t *testing.T) {
	const header = "Title,Authors,Read Status,Star Rating\n"
	cut := errors.New("cut")
	for name, tc := range map[string]struct {
		from io.Reader
		want error
	}{
		"nothing":        {strings.NewReader(""), ErrUnknown},
		"another table":  {strings.NewReader("title,author\nA,B\n"), ErrUnknown},
		"a picture":      {strings.NewReader("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), ErrUnknown},
		"too many rows":  {strings.NewReader(header + strings.Repeat("A,B,read,5\n", MaxRows+1)), ErrTooMany},
		"a broken cable": {io.MultiReader(strings.NewReader(header+"A,B,read,5\n"), iotest.ErrReader(cut)), cut},
	} {
		if _, err := ReadFile(tc.from); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if file, err := ReadFile(strings.NewReader(header + strings.Repeat("A,B,read,5\n", MaxRows))); err != nil || len(file.Rows) != MaxRows {
		t.Errorf("as many rows as there may be: %d, %v", len(file.Rows), err)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add("Title,Authors,Read Status,Star Rating\n\"A,B,read,5\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ReadFile(strings.NewReader(text))
		if err == nil && len(file.Rows)+file.Faulty > MaxRows {
			t.Errorf("%d rows", len(file.Rows))
		}
		for _, row := range file.Rows {
			if row.Title == "" || row.Stars < 0 || row.Stars > 5 {
				t.Errorf("%+v", row)
			}
		}
	})
}
