package cover

import (
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

// demonstration reads the books of the embedded catalogue.
func demonstration(t *testing.T) []Book {
	t.Helper()
	f, err := os.Open("../../../../recommendations/internal/sample/data/books.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var books []Book
	for _, row := range rows[1:] { // book_id, title, author, year, categories
		id, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		category, _, _ := strings.Cut(row[4], "|")
		books = append(books, Book{ID: id, Title: row[1], Author: row[2], Category: category})
	}
	return books
}

// Books of a category can be told apart by their covers: without their texts hardly two are
// equal, and few pairs have the layout in common with the motif or with the colours.
func TestCoversOfACategoryDiffer(t *testing.T) {
	texts := regexp.MustCompile(`<title>.*?</title>|<text .*?</text>`)
	type cover struct {
		Book
		drawing string
		design  design
		colours colours
	}
	of := map[string][]cover{}
	for _, b := range demonstration(t) {
		svg := Draw(b)
		if len(svg) > 16_000 {
			t.Errorf("%s: the cover has %d bytes", b.Title, len(svg))
		}
		d, _ := designOf(b)
		of[b.Category] = append(of[b.Category], cover{b, texts.ReplaceAllString(string(svg), ""), d, familyOf(b.Category).colours(d)})
	}
	if len(of) != 18 {
		t.Errorf("%d categories, want 18", len(of))
	}
	for category, covers := range of {
		pairs, equal, picture, scheme := 0, 0, 0, 0
		for i, a := range covers {
			for _, b := range covers[:i] {
				pairs++
				if a.drawing == b.drawing {
					equal++
				}
				if a.design.layout == b.design.layout && a.design.motif == b.design.motif {
					picture++
				}
				if a.design.layout == b.design.layout && a.colours == b.colours {
					scheme++
				}
			}
		}
		if equal*1000 > pairs || picture*50 > pairs || scheme*50 > pairs {
			t.Errorf("%s: of %d pairs %d are equal, %d have layout and motif in common, and %d layout and colours, want at most 0.1, 2 and 2 %%",
				category, pairs, equal, picture, scheme)
		}
	}
}

// Titles are whole on their covers.
func TestTitlesOfTheDemonstrationAreWhole(t *testing.T) {
	for _, b := range demonstration(t) {
		text := regexp.MustCompile(`(?s)<text [^>]*font-weight[^>]*>([^<]*)</text>`).FindAllSubmatch(Draw(b), -1)
		for _, line := range text {
			if strings.HasSuffix(string(line[1]), "…") {
				t.Errorf("%s by %s is cut: %s", b.Title, b.Author, line[1])
			}
		}
	}
}

func TestGolden(t *testing.T) {
	for name, b := range map[string]Book{
		"long":       {912, "We Wish to Inform You That Tomorrow We Will Be Killed with Our Families", "Philip Gourevitch", "history"},
		"japanese":   {9001, "世界の終りとハードボイルド・ワンダーランド", "村上春樹", "fiction"},
		"hyphen":     {508, "Slaughterhouse-Five", "Kurt Vonnegut", "science-fiction"},
		"fantasy":    {19, "The Hobbit", "J.R.R. Tolkien", "fantasy"},
		"mystery":    {20, "Murder on the Orient Express", "Agatha Christie", "mystery-thriller"},
		"romance":    {24, "The Notebook", "Nicholas Sparks", "romance"},
		"children":   {98, "Green Eggs and Ham", "Dr. Seuss", "children"},
		"comics":     {430, "Asterix the Gaul", "René Goscinny", "comics"},
		"poetry":     {486, "Death of a Naturalist", "Seamus Heaney", "poetry"},
		"unfamiliar": {7, "Soup", "", "cookery"},
	} {
		path := filepath.Join("testdata", name+".svg.golden")
		got := Draw(b)
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("the cover of %s differs from %s: look at it, then run with -update", b.Title, path)
		}
	}
}
