package cover

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// slugs returns the known categories and an unknown one.
func slugs() []string {
	return strings.Fields("fantasy science-fiction mystery-thriller romance horror historical-fiction classics young-adult children " +
		"comics poetry biography-memoir history self-help religion-philosophy science-business fiction non-fiction true-crime")
}

// check fails the test unless svg is well formed and allowed by the content security
// policy.
func check(t *testing.T, svg []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains([]string{"svg", "title", "rect", "circle", "path", "text"}, element.Name.Local) {
			t.Fatalf("element %s", element.Name.Local)
		}
		for _, a := range element.Attr {
			if a.Name.Local == "style" || a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") ||
				strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Fatalf("attribute %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}

func TestDraw(t *testing.T) {
	for _, slug := range slugs() {
		seen := map[string]int64{}
		for id := range int64(2 * len(layouts())) {
			b := Book{ID: id, Title: "Pride & <Prejudice>", Author: `Jane "J" Austen`, Category: slug}
			svg := Draw(b)
			check(t, svg)
			if !bytes.Contains(svg, []byte("Prejudice&gt;")) || !bytes.Contains(svg, []byte("Austen")) {
				t.Errorf("book %d: title or author is missing", id)
			}
			if !bytes.Equal(svg, Draw(b)) {
				t.Errorf("book %d is drawn in two ways", id)
			}
			if before, ok := seen[string(svg)]; ok && id-before < int64(len(layouts())) {
				t.Errorf("books %d and %d of %s look the same", before, id, slug)
			}
			seen[string(svg)] = id
		}
	}
}

func FuzzDraw(f *testing.F) {
	for id := range int64(9) {
		f.Add(id, "The Hobbit", "J.R.R. Tolkien", "fantasy")
	}
	f.Add(int64(-1<<63), "", "", "")
	f.Add(int64(1<<62), strings.Repeat("W", 5000), strings.Repeat("long ", 900), "x")
	f.Add(int64(1), "\xff\x00\u200b\x1b]]>", "\u202e右から左", "\"><script>")
	f.Fuzz(func(t *testing.T, id int64, title, author, category string) {
		check(t, Draw(Book{ID: id, Title: title, Author: author, Category: category}))
	})
}

// Text has the contrast of 7:1 that the highest level of WCAG requires, in every category
// and in every variant of its colours.
func TestContrast(t *testing.T) {
	for _, slug := range append(slugs(), "a", "b", "c", "d", "e", "f", "g", "h") {
		for variant := range schemes * turns * aparts {
			d := design{scheme: variant % schemes, turn: variant / schemes % turns, apart: variant / schemes / turns}
			c := familyOf(slug).colours(d)
			if got := contrast(c.ground, c.ink); got < 7 {
				t.Errorf("%s, %+v: contrast %.1f", slug, d, got)
			}
		}
	}
	if got := contrast(hex(0), hex(0xffffff)); got != 21 {
		t.Errorf("contrast of black and white = %v, want 21", got)
	}
}

func TestFit(t *testing.T) {
	const width, height = 240, 150
	for _, text := range []string{
		"It", "The Hobbit", "One Hundred Years of Solitude", "Antidisestablishmentarianism", strings.Repeat("word ", 100),
		strings.Repeat("W", 300), "平家物語の世界", "", " ",
	} {
		t.Run(fmt.Sprintf("%.12s", text), func(t *testing.T) {
			b := fit(text, width, height, 44, 30, 20)
			if b.height() > height {
				t.Errorf("%.0f high, want at most %d: %q", b.height(), height, b.lines)
			}
			for _, line := range b.lines {
				if w := measure(line) * b.size; w > width+0.01 {
					t.Errorf("%q is %.0f wide, want at most %d", line, w, width)
				}
			}
			if shown := strings.Join(b.lines, ""); !strings.HasSuffix(shown, "…") && len(strings.ReplaceAll(text, " ", "")) != len(strings.ReplaceAll(shown, " ", "")) {
				t.Errorf("text is lost without an ellipsis: %q", b.lines)
			}
		})
	}
	if b := fit("It", width, height, 44, 30, 20); b.size != 44 {
		t.Errorf("a short title is set at %v, want 44", b.size)
	}
}

func TestLinesBreakWhereTheyMay(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"Slaughterhouse-Five", []string{"Slaughterhouse-", "Five"}},
		{"A Catch-22 Reader", []string{"A Catch-22", "Reader"}},
		{"世界の終りと（ハード）の話。", []string{"世界の終りと", "（ハード）の", "話。"}},
		{"日本語。です", []string{"日本語。です"}},
	} {
		if got := fit(test.text, 10, 10, 1); !slices.Equal(got.lines, test.want) && test.text[0] < 0x80 {
			t.Errorf("lines %q, want %q", got.lines, test.want)
		}
		if got := fit(test.text, 7, 10, 1); !slices.Equal(got.lines, test.want) && test.text[0] >= 0x80 {
			t.Errorf("lines %q, want %q", got.lines, test.want)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for b.Loop() {
		for id := range int64(9) {
			Draw(Book{ID: id, Title: "One Hundred Years of Solitude", Author: "Gabriel García Márquez", Category: "classics"})
		}
	}
}
