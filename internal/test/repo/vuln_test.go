package repo

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVulnerabilities runs make vuln on a module that calls a function of another one,
// with two databases: one knows a vulnerability of that function, the other none.
func TestVulnerabilities(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP (-short): runs govulncheck")
	}
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                        "module example.test/shop\n\ngo 1.26\n\nrequire example.test/lock v1.2.3\n",
		"shop.go":                       "// Package shop is for a test.\npackage shop\n\nimport \"example.test/lock\"\n\n// Close closes the shop.\nfunc Close() { lock.Turn() }\n",
		"vendor/modules.txt":            "# example.test/lock v1.2.3\n## explicit; go 1.26\nexample.test/lock\n",
		"vendor/example.test/lock/l.go": "// Package lock is for a test.\npackage lock\n\n// Turn opens for everybody.\nfunc Turn() {}\n",
	} {
		writeFile(t, filepath.Join(module, name), text)
	}
	for name, test := range map[string]struct {
		known bool
		want  string
	}{
		"a vulnerability is known": {true, "GO-2026-0001"},
		"none is known":            {false, "No vulnerabilities found"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := makeCommand(root, "vuln", "VULNDB=file://"+database(t, test.known), "VULN_MODULES="+module).CombinedOutput()
			var failed *exec.ExitError
			if errors.As(err, &failed) != test.known || !strings.Contains(string(out), test.want) {
				t.Errorf("make vuln: %v, want an error: %t, and %q:\n%s", err, test.known, test.want, out)
			}
		})
	}
}

// database writes a database of vulnerabilities, as https://go.dev/doc/security/vuln/database
// describes it, and returns its folder.
func database(t *testing.T, known bool) string {
	t.Helper()
	const when = "2026-01-01T00:00:00Z"
	type object = map[string]any
	vulnerabilities, modules := []object{}, []object{}
	dir := t.TempDir()
	write := func(name string, content any) {
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(text))
	}
	if known {
		const id = "GO-2026-0001"
		vulnerabilities = append(vulnerabilities, object{"id": id, "modified": when})
		modules = append(modules, object{"path": "example.test/lock", "vulns": []object{{"id": id, "modified": when, "fixed": "1.2.4"}}})
		write("ID/"+id+".json", object{
			"schema_version": "1.3.1", "id": id, "modified": when, "published": when,
			"summary": "the lock opens for everybody", "details": "The lock opens for everybody.",
			"affected": []object{{
				"package":            object{"name": "example.test/lock", "ecosystem": "Go"},
				"ranges":             []object{{"type": "SEMVER", "events": []object{{"introduced": "0"}, {"fixed": "1.2.4"}}}},
				"ecosystem_specific": object{"imports": []object{{"path": "example.test/lock", "symbols": []string{"Turn"}}}},
			}},
			"database_specific": object{"url": "https://pkg.go.dev/vuln/" + id},
		})
	}
	write("index/db.json", object{"modified": when})
	write("index/vulns.json", vulnerabilities)
	write("index/modules.json", modules)
	return dir
}
