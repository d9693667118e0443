package repo

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMakeTargetsWorkAloneInAFreshClone installs each tool of the Makefile where its
// folder does not exist, and checks that a target that uses a tool depends on it.
func TestMakeTargetsWorkAloneInAFreshClone(t *testing.T) {
	rules := makeRules(t, root)
	if len(rules) < 30 || len(tools(rules)) < 10 {
		t.Fatalf("found only %d targets and %d tools: looking in the wrong place", len(rules), len(tools(rules)))
	}
	for _, fault := range makeFaults(t, root) {
		t.Error(fault)
	}
}

// TestArgsReachThePrograms checks targets that somebody runs with flags of their own.
func TestArgsReachThePrograms(t *testing.T) {
	for _, target := range []string{"load", "attack", "bench", "conformance"} {
		out, err := makeCommand(root, "-n", target, "ARGS=--of-my-own").CombinedOutput()
		if err != nil || !strings.Contains(string(out), " --of-my-own") {
			t.Errorf("make %s ignores ARGS: %v\n%s", target, err, out)
		}
	}
}

// TestMakeFaultsAreFound checks that the test above fails for Makefiles with faults.
func TestMakeFaultsAreFound(t *testing.T) {
	const variables = "BIN := .tools/bin\nGO ?= go\n"
	const installed = variables + "$(BIN)/x: Makefile\n\t$(GO) build -o $@ example.com/x\n"
	moved := func(needs, before string) string {
		return variables + "$(BIN)/x: Makefile" + needs + "\n" + before +
			"\t@GOBIN=$(CURDIR)/.tools/new $(GO) install example.com/cmd/x@v1\n" +
			"\t@mv .tools/new/* $@ && touch $@\n"
	}
	for name, test := range map[string]struct {
		makefile string
		files    map[string]string
		want     string // the fault; "" for none
	}{
		"a tool is moved into a folder that does not exist": {
			makefile: moved("", "\t@mkdir -p .tools/new\n"),
			want:     ".tools/bin/x cannot be made in a fresh clone",
		},
		"the recipe makes the folder":     {makefile: moved("", "\t@mkdir -p $(BIN)\n")},
		"a prerequisite makes the folder": {makefile: moved(" | $(BIN)", "") + "$(BIN):\n\tmkdir -p $@\n"},
		"a script writes into a folder that does not exist": {
			makefile: variables + "$(BIN)/x: Makefile\n\ttools/x.sh v1 $@\n",
			files:    map[string]string{"tools/x.sh": ""},
			want:     ".tools/bin/x cannot be made in a fresh clone",
		},
		"the recipe uses a tool that is no prerequisite": {
			makefile: installed + ".PHONY: lint\nlint:\n\t$(BIN)/x run\n",
			want:     "lint uses .tools/bin/x",
		},
		"the tool is a prerequisite of a prerequisite": {
			makefile: installed + ".PHONY: lint tools\nlint: tools\n\t$(BIN)/x run\ntools: $(BIN)/x\n",
		},
		"the recipe's script uses a tool": {
			makefile: installed + ".PHONY: test\ntest:\n\t@BIN=$(BIN) tools/test.sh\n",
			files:    map[string]string{"tools/test.sh": `"$BIN/x" run`},
			want:     "test uses .tools/bin/x",
		},
		"the recipe tests a package that uses a tool": {
			makefile: installed + ".PHONY: e2e\ne2e:\n\t$(GO) test ./e2e\n",
			files:    map[string]string{"e2e/x_test.go": `package e2e; const x = "../.tools/bin/x"`},
			want:     "e2e uses .tools/bin/x",
		},
		"the recipe uses a tool that no rule installs": {
			makefile: ".PHONY: lint\nlint:\n\t.tools/bin/y run\n",
			want:     "lint uses .tools/bin/y",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "Makefile"), test.makefile)
			for path, text := range test.files {
				writeFile(t, filepath.Join(dir, path), text)
			}
			got := strings.Join(makeFaults(t, dir), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// makeRule is one target of a Makefile.
type makeRule struct {
	needs  []string // prerequisites, order-only ones too
	recipe string   // with $(BIN) and $@ expanded
}

const toolFolder = ".tools/bin"

// makeRules returns the rules of the Makefile in a folder, as make reads them.
func makeRules(t *testing.T, dir string) map[string]makeRule {
	t.Helper()
	// The goal is the Makefile itself, which exists: no recipe runs.
	out, err := makeCommand(dir, "-rRpq", "Makefile").Output()
	if err != nil {
		t.Fatalf("make -p: %v", err)
	}
	_, files, _ := strings.Cut(string(out), "\n# Files\n")
	rules := map[string]makeRule{}
	target := ""
	for line := range strings.Lines(files) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "\t"); ok {
			r := rules[target]
			r.recipe += strings.NewReplacer("$(BIN)", toolFolder, "$@", target).Replace(command) + "\n"
			rules[target] = r
			continue
		}
		name, needs, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ".PHONY:") || strings.Contains(needs, "=") {
			continue
		}
		target = name
		rules[target] = makeRule{needs: slices.DeleteFunc(strings.Fields(needs), func(n string) bool { return n == "|" })}
	}
	return rules
}

// makeCommand returns a make in a folder, without the environment of the make that
// may run the test.
func makeCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("make", args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") && !strings.HasPrefix(v, "MFLAGS=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// tools returns the targets that are files below .tools.
func tools(rules map[string]makeRule) (list []string) {
	for _, target := range slices.Sorted(maps.Keys(rules)) {
		if strings.HasPrefix(target, ".tools/") && target != toolFolder && rules[target].recipe != "" {
			list = append(list, target)
		}
	}
	return list
}

// makeFaults returns what does not work in a fresh clone.
func makeFaults(t *testing.T, dir string) (faults []string) {
	t.Helper()
	rules := makeRules(t, dir)
	for _, tool := range tools(rules) {
		if err := install(t, dir, rules, tool); err != nil {
			faults = append(faults, fmt.Sprintf("%s cannot be made in a fresh clone: %v", tool, err))
		}
	}
	for _, target := range slices.Sorted(maps.Keys(rules)) {
		needs := allNeeds(rules, target)
		for _, tool := range usedTools(t, dir, rules[target].recipe) {
			if !needs[tool] && tool != target {
				faults = append(faults, fmt.Sprintf("%s uses %s, which is not among its prerequisites", target, tool))
			}
		}
	}
	return faults
}

// allNeeds returns the prerequisites of a target, and theirs.
func allNeeds(rules map[string]makeRule, target string) map[string]bool {
	needs := map[string]bool{}
	for list := rules[target].needs; len(list) > 0; list = list[1:] {
		if n := list[0]; !needs[n] {
			needs[n] = true
			list = append(list, rules[n].needs...)
		}
	}
	return needs
}

var (
	toolName = regexp.MustCompile(`(?:\.tools/bin|\$\{?BIN\}?)/([a-z][\w.-]*)`)
	script   = regexp.MustCompile(`\btools/[\w-]+\.sh\b`)
	folder   = regexp.MustCompile(`(?:^|\s)\./([\w/]+)`)
)

// usedTools returns the tools that occur in a recipe, in its scripts, or in the
// packages that it tests.
func usedTools(t *testing.T, dir, recipe string) (used []string) {
	t.Helper()
	text := recipe
	read := func(path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text += string(content)
	}
	for _, name := range script.FindAllString(recipe, -1) {
		read(filepath.Join(dir, name))
	}
	for command := range strings.Lines(recipe) {
		if !strings.Contains(command, "$(GO) test ") {
			continue
		}
		for _, m := range folder.FindAllStringSubmatch(command, -1) {
			files, err := filepath.Glob(filepath.Join(dir, m[1], "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				read(f)
			}
		}
	}
	for _, m := range toolName.FindAllStringSubmatch(text, -1) {
		used = append(used, toolFolder+"/"+m[1])
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// fakeGo replaces go in a recipe. Like go it creates the folders of the file that it
// writes; go install names the file after the package.
const fakeGo = `#!/bin/bash
set -eu
for word; do package=$word; done
while [ $# -gt 0 ]; do
	case $1 in
	-C) cd "$2" ;;
	-o) mkdir -p "$(dirname "$2")" && : >"$2" ;;
	-out) mkdir -p "$2" ;;
	install) package=${package%@*} && mkdir -p "$GOBIN" && : >"$GOBIN/${package##*/}" ;;
	esac
	shift
done
`

// fakeScript replaces a script that writes the file named by its last argument, in a
// folder that must exist.
const fakeScript = `#!/bin/bash
set -eu
for word; do file=$word; done
[ $# = 0 ] || : >"$file"
`

// install runs make for one tool in a folder that contains only the Makefile and the
// files that the tool depends on. Go and the scripts are fakes; make and the shell
// are real.
func install(t *testing.T, dir string, rules map[string]makeRule, tool string) error {
	t.Helper()
	clone := t.TempDir()
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(clone, "Makefile"), string(text))
	writeFile(t, filepath.Join(clone, "go"), fakeGo)
	scripts, err := filepath.Glob(filepath.Join(dir, "tools", "*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		writeFile(t, filepath.Join(clone, "tools", filepath.Base(s)), fakeScript)
	}
	for need := range allNeeds(rules, tool) {
		if _, made := rules[need]; made && rules[need].recipe != "" || need == "Makefile" || strings.HasSuffix(need, ".sh") {
			continue
		}
		writeFile(t, filepath.Join(clone, need), "")
	}
	if out, err := makeCommand(clone, "GO="+filepath.Join(clone, "go"), tool).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	_, err = os.Stat(filepath.Join(clone, tool))
	return err
}

// writeFile writes a file that may be a program, and creates its folder.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
