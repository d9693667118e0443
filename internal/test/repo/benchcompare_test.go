package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeBenchstat prints the lines of each file that are results.
const fakeBenchstat = `#!/bin/bash
for of; do echo "${of%%=*}: $(grep -o '^Benchmark[A-Za-z]*' "${of#*=}" | tr '\n' ' ')"; done
`

// TestBenchCompare runs tools/bench-compare.sh in a repository of two commits. The work tree has a
// benchmark more than the first of them, and a package.
func TestBenchCompare(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join(root, "tools/bench-compare.sh"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const one = "package p\n\nimport \"testing\"\n\nfunc BenchmarkOne(b *testing.B) {\n\tfor b.Loop() {\n\t}\n}\n"
	run := func(env []string, name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null"), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(name string, args ...string) {
		t.Helper()
		if out, err := run(nil, name, args...); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	writeFile(t, filepath.Join(dir, "tools/bench-compare.sh"), string(script))
	writeFile(t, filepath.Join(dir, "bin/benchstat"), fakeBenchstat)
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/p\n\ngo 1.26\n")
	writeFile(t, filepath.Join(dir, "p/p_test.go"), one)
	must("git", "init", "--quiet")
	must("git", "add", "go.mod", "p")
	must("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=one")
	writeFile(t, filepath.Join(dir, "p/more_test.go"), strings.ReplaceAll(one, "BenchmarkOne", "BenchmarkTwo"))
	writeFile(t, filepath.Join(dir, "q/q_test.go"), one)

	env := []string{"BIN=" + filepath.Join(dir, "bin"), "PACKAGES=./p ./q ./none", "BENCH=.", "ROUNDS=2", "BENCHTIME=1x"}
	out, err := run(env, "tools/bench-compare.sh", "HEAD")
	want := "then: BenchmarkOne BenchmarkOne \nnow: BenchmarkTwo BenchmarkOne BenchmarkTwo BenchmarkOne \n"
	if err != nil || !strings.HasSuffix(out, want) {
		t.Errorf("%v, printed\n%s\nwant at the end\n%s", err, out, want)
	}
	if out, err := run(nil, "git", "worktree", "list"); err != nil || strings.Count(out, "\n") != 1 {
		t.Errorf("work trees are left: %v\n%s", err, out)
	}
	if out, err := run(env, "tools/bench-compare.sh", "nothing"); err == nil || !strings.Contains(out, "'nothing' is not a commit") {
		t.Errorf("a commit that does not exist: %v, %s", err, out)
	}
}
