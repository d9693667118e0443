package chart

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// templates returns the text of each file below templates/, by its path there.
func templates(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := filepath.Join(chart, "templates")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Named templates share one namespace with those of a chart around this one, so
// their names begin with the chart's. They are in .tpl files, which render nothing.
func TestNamedTemplates(t *testing.T) {
	files := templates(t)
	all := strings.Join(slices.Collect(maps.Values(files)), "\n")
	used := func(name string) bool {
		// Some are included by a computed name, with the component in the middle.
		_, part, _ := strings.Cut(name, "marketplace.")
		if part == "" {
			_, part, _ = strings.Cut(name, "recommendations.")
		}
		return strings.Contains(all, fmt.Sprintf("include %q", name)) ||
			part != "" && (strings.Contains(all, fmt.Sprintf("(print $part %q)", part)) || strings.Contains(all, "%s."+part+`"`))
	}
	defined := map[string]string{}
	for file, text := range files {
		for _, m := range regexp.MustCompile(`\{\{-? *define +"([^"]*)"`).FindAllStringSubmatch(text, -1) {
			name := m[1]
			if other, twice := defined[name]; twice {
				t.Errorf("%s is defined in %s and in %s", name, other, file)
			}
			defined[name] = file
			if filepath.Ext(file) != ".tpl" || !strings.HasPrefix(name, "bookstall.") {
				t.Errorf("%s defines %q: want a name that begins with bookstall., in a .tpl file", file, name)
			}
			if !used(name) {
				t.Errorf("%s defines %s, which nothing includes", file, name)
			}
		}
	}
	if len(defined) < 30 {
		t.Errorf("found %d named templates: this test proves nothing", len(defined))
	}
}

func TestNoTemplateTextIsRepeated(t *testing.T) {
	const window = 8 // lines in a row
	seen := map[string][]string{}
	for file, text := range templates(t) {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		for i := 0; i+window <= len(lines); i++ {
			block := strings.Join(lines[i:i+window], "\n")
			seen[block] = append(seen[block], fmt.Sprintf("%s:%d", file, i+1))
		}
	}
	for _, block := range slices.Sorted(maps.Keys(seen)) {
		if places := seen[block]; len(places) > 1 {
			t.Errorf("the same text at %s:\n%s", strings.Join(places, " and "), block)
		}
	}
}
