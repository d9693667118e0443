package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	table := Table{Head: []string{"what", "measured"}}
	table.Add("a long name", "1")
	table.Add("b", "23")
	if got, want := table.Markdown(), "| what | measured |\n|---|---|\n| a long name | 1 |\n| b | 23 |\n"; got != want {
		t.Errorf("Markdown() = %q, want %q", got, want)
	}
	if got, want := table.Text(), "what         measured\na long name  1\nb            23\n"; got != want {
		t.Errorf("Text() = %q, want %q", got, want)
	}
}

func TestChart(t *testing.T) {
	c := Chart{
		Label: `an "example"`, Legend: []string{"one", "two"}, Bars: "bars", Note: "a note",
		Panels: []Panel{{
			Title: "calls", Height: 100, MaxX: 10, MaxY: 4, EndX: "10 s", TopY: "four", Shaded: 2,
			Bars:  []Bar{{X: 5, Width: 1, Y: 4}},
			Marks: []Mark{{X: 1, Text: `{"a":"<&>"}`}, {X: 1.1, Text: "no room for this"}, {X: 20, Text: "far out"}},
			Lines: []Line{{Points: []Point{{0, 0}, {10, 4}, {20, 8}}}, {Colour: 1, Faint: true, Points: []Point{{0, 0}, {1, 1}}}},
		}, {Title: "errors", Height: 50, MaxX: 10, MaxY: 1}},
	}
	drawn := c.SVG()
	elements, words := map[string]int{}, ""
	for d := xml.NewDecoder(strings.NewReader(drawn)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("invalid XML: %v in\n%s", err, drawn)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			words += string(token) + "\n"
		}
	}
	// Rectangles: the shade, the bar, and three in the legend. Paths: two axes and three marks.
	if elements["rect"] != 5 || elements["polyline"] != 2 || elements["path"] != 5 {
		t.Errorf("elements %v, want 5 rect, 2 polyline and 5 path, in\n%s", elements, drawn)
	}
	for _, want := range []string{"calls", "errors", "four", "10 s", `{"a":"<&>"}`, "far out", "one", "two", "bars", "a note"} {
		if !strings.Contains(words, want+"\n") {
			t.Errorf("it does not say %q:\n%s", want, words)
		}
	}
	if strings.Contains(words, "no room") {
		t.Errorf("one text is written over another:\n%s", drawn)
	}
	// A point at the end of both axes is in the corner; one beyond them is, too.
	if !strings.Contains(drawn, `points="60.0,140.0 708.0,40.0 708.0,40.0"`) {
		t.Errorf("no line from (60, 140) to (708, 40) in\n%s", drawn)
	}
}

// Charts of a grid stand beside each other and do not overlap, and a panel may have text in place
// of a plot.
func TestGrid(t *testing.T) {
	small := Chart{Width: 480, Panels: []Panel{{Title: "table", Rows: []string{"first", "second"}}}}
	large := Chart{Width: 480, Panels: []Panel{{Title: "plot", Height: 100, MaxX: 1, MaxY: 1}}, Legend: []string{"a name that is as long as half a row", "two", "three"}}
	drawn := Grid("grid", 2, []Chart{small, large, small})
	for _, want := range []string{
		`viewBox="0 0 980 `, `<svg x="0" y="0" width="480" height="70">`, `<svg x="500" y="0" width="480" height="210">`, `<svg x="0" y="210" width="480" height="70">`,
		">first</text>", ">second</text>",
	} {
		if !strings.Contains(drawn, want) {
			t.Errorf("no %s in\n%s", want, drawn)
		}
	}
}
