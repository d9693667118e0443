package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// The lines of README.md around the table of values.
const (
	tableBegin = "<!-- The table of values, generated from values.yaml: make golden -->\n"
	tableEnd   = "<!-- The end of the table of values -->\n"
)

// TestReadmeListsAllValues compares the table in README.md with the one generated
// from values.yaml. With -update it writes the table.
func TestReadmeListsAllValues(t *testing.T) {
	file := chart + "/README.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegin)
	listed, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no lines %q and %q around the table", file, tableBegin, tableEnd)
	}
	want := valuesTable(t)
	if *update {
		if err := os.WriteFile(file, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("%s differs from values.yaml; make golden writes the table (-want +got):\n%s", file, diff)
	}
}

// valuesTable returns a Markdown table for each "## " heading of values.yaml, with
// all values below it. A value without a comment fails the test.
func valuesTable(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	var table strings.Builder
	written := 0 // lines of values.yaml that are in the table
	for _, l := range leaves(t, "", doc.Content[0]) {
		if l.line <= written {
			t.Errorf("%s is on the line of another value, which leaves no room for a comment", l.path)
		}
		for ; written < l.line; written++ {
			if heading, ok := strings.CutPrefix(lines[written], "## "); ok {
				fmt.Fprintf(&table, "\n### %s\n\n| value | default | meaning |\n|---|---|---|\n", heading)
			}
		}
		meaning, ok := strings.CutPrefix(strings.TrimSpace(lines[l.line-2]), "# -- ")
		if !ok || !strings.HasSuffix(meaning, ".") || strings.Contains(meaning, "|") {
			t.Errorf("values.yaml:%d: %s: want a comment above it that begins with \"# -- \", ends with a full stop, and has no \"|\"; got %q",
				l.line, l.path, lines[l.line-2])
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", l.path, compact(t, l.value), meaning)
	}
	return table.String() + "\n"
}

// leaf is a value that is not itself a set of values: a scalar, a list, or an empty
// map.
type leaf struct {
	path  string
	line  int // of its key; the first line is 1
	value any
}

// leaves returns the values below node in the order of the file.
func leaves(t *testing.T, path string, node *yaml.Node) []leaf {
	t.Helper()
	var list []leaf
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := strings.TrimPrefix(path+"."+key.Value, ".")
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 {
			list = append(list, leaves(t, name, value)...)
			continue
		}
		l := leaf{path: name, line: key.Line}
		if err := value.Decode(&l.value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, l)
	}
	return list
}

func compact(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
