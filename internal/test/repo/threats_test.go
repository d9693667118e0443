package repo

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testsOfPackages returns the text of the file of each test and fuzz target, by package.Test, for the
// name of the package and for that of its folder.
func testsOfPackages(t *testing.T) map[string]string {
	t.Helper()
	tests := map[string]string{}
	tree := os.DirFS(root)
	packageClause, testFunction := regexp.MustCompile(`(?m)^package (\w+)`), regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || name == "bin") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		own := packageClause.FindSubmatch(text)
		for _, f := range testFunction.FindAllSubmatch(text, -1) {
			for _, of := range []string{strings.TrimSuffix(string(own[1]), "_test"), path.Base(path.Dir(name))} {
				tests[of+"."+string(f[1])] += string(text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// TestTheTestsOfTheThreatModelExist looks for each test that docs/threat-model.md names: after
// its package, or after another test of the same one.
func TestTheTestsOfTheThreatModelExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests, named := testsOfPackages(t), 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) < 3 || strings.HasPrefix(cells[0], "--") || strings.Trim(cells[len(cells)-1], " ") == "test" {
			continue
		}
		in := ""
		found := regexp.MustCompile("`(?:(\\w+)\\.)?((?:Test|Fuzz)\\w+)(?:/[^`]*/(\\w+))?`").FindAllStringSubmatch(cells[len(cells)-1], -1)
		for _, m := range found {
			if m[1] != "" {
				in = m[1]
			}
			named++
			file, there := tests[in+"."+m[2]]
			if !there || !strings.Contains(file, m[3]) {
				t.Errorf("docs/threat-model.md names %s of package %q, which has no such test", strings.Trim(m[0], "`"), in)
			}
		}
		if len(found) == 0 && !strings.Contains(line, "not stopped") {
			t.Errorf("docs/threat-model.md names no test in %q", line)
		}
	}
	if named < 80 {
		t.Errorf("docs/threat-model.md names %d tests, want 80 or more", named)
	}
}
