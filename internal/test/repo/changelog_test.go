package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestChangelog checks that every tag of a version has its entry in CHANGELOG.md, that the
// newest entry is the version of the chart, and that only that one may be unreleased.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	day := time.Now().AddDate(1, 0, 0)
	for i, m := range regexp.MustCompile(`(?m)^## (\S+) \((.*)\)$`).FindAllSubmatch(text, -1) {
		version, date := string(m[1]), string(m[2])
		if date != "unreleased" || i > 0 {
			released, err := time.Parse(time.DateOnly, date)
			if err != nil || released.After(day) {
				t.Errorf("%s (%s): want a date, not after that of the version above", version, date)
			}
			day = released
		}
		versions = append(versions, version)
	}
	if n := strings.Count(string(text), "\n## "); n != len(versions) || n == 0 {
		t.Fatalf("%d of %d headings have the form ## 1.2.3 (2026-11-26)", len(versions), n)
	}
	chart, err := os.ReadFile(filepath.Join(root, "helm/bookstall/Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"version", "appVersion"} {
		if want := field + ": " + versions[0]; !slices.Contains(strings.Split(string(chart), "\n"), want) {
			t.Errorf("Chart.yaml has no line %q, which CHANGELOG.md begins with", want)
		}
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return // an archive of the tree has no tags
	}
	tags, err := exec.CommandContext(t.Context(), "git", "-C", root, "tag", "--list", "v[0-9]*").Output()
	if err != nil {
		t.Fatal(err)
	}
	for tag := range strings.Lines(string(tags)) {
		if version := strings.TrimPrefix(strings.TrimSpace(tag), "v"); !slices.Contains(versions, version) {
			t.Errorf("tag %s has no entry in CHANGELOG.md", strings.TrimSpace(tag))
		}
	}
}
