package repo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheTestsOfTheStandardExist looks for each test that docs/asvs.md names.
func TestTheTestsOfTheStandardExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "asvs.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([\\w/]+_test\\.go):(\\w+)`").FindAllStringSubmatch(string(text), -1)
	for _, m := range named {
		source, err := os.ReadFile(filepath.Join(root, m[1]))
		if err != nil || !strings.Contains(string(source), "\nfunc "+m[2]+"(") {
			t.Errorf("docs/asvs.md names %s in %s, which has no such test", m[2], m[1])
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, " | ") == 2 && !strings.Contains(line, "_test.go:") && !strings.Contains(line, "**Not met**") && !strings.HasPrefix(line, "| requirement") {
			t.Errorf("docs/asvs.md names no test in %q", line)
		}
	}
	if len(named) < 50 {
		t.Errorf("docs/asvs.md names %d tests, want 50 or more", len(named))
	}
}
