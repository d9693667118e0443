package repo

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents returns the text of every Markdown file, by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || name == "bin") {
			return fs.SkipDir
		}
		if path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		docs[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// anchors returns the anchors that a renderer gives to the headings of a document.
func anchors(text string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(plain, " ", "-"))
	}
	return list
}

func TestLinksInDocumentsResolve(t *testing.T) {
	docs := documents(t)
	links := 0
	for name, text := range docs {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			links++
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
				continue
			}
			if anchor != "" && path.Ext(target) == ".md" && !slices.Contains(anchors(docs[target]), anchor) {
				t.Errorf("%s links to %s, but %s has no such heading", name, m[1], target)
			}
		}
	}
	if links < 20 {
		t.Errorf("found only %d links: looking in the wrong place", links)
	}
}

// TestMakeTargetsExist looks for targets that documents and CI name.
func TestMakeTargetsExist(t *testing.T) {
	texts := documents(t)
	for _, name := range []string{".ci/run", ".github/workflows/ci.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	rules, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for name, text := range texts {
		// A command of its own line, or in backquotes.
		for _, m := range regexp.MustCompile("(?m)(?:^ {4,}|^|`|run: )make ([a-z][a-z0-9-]*)").FindAllStringSubmatch(text, -1) {
			named++
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(rules) {
				t.Errorf("%s names make %s, which the Makefile does not have", name, m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("found only %d targets: looking in the wrong place", named)
	}
}
