package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is an instruction of a Dockerfile, with continued lines joined.
type instruction struct {
	name string
	args string
}

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	var list []instruction
	joined := ""
	for line := range strings.Lines(string(read(t, "deploy/Dockerfile"))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if rest, ok := strings.CutSuffix(line, `\`); ok {
			joined += rest + " "
			continue
		}
		name, args, _ := strings.Cut(joined+line, " ")
		list = append(list, instruction{name, strings.TrimSpace(args)})
		joined = ""
	}
	if joined != "" {
		t.Errorf("the last line ends with a backslash: %s", joined)
	}
	return list
}

func TestDockerfile(t *testing.T) {
	known := []string{"FROM", "WORKDIR", "COPY", "RUN", "ARG", "ENV", "LABEL", "USER", "ENTRYPOINT"}
	var stages, copied []string
	user, entrypoint := "", ""
	for _, i := range dockerfile(t) {
		if !slices.Contains(known, i.name) {
			t.Errorf("instruction %s is not known to this test", i.name)
		}
		args := strings.Fields(i.args)
		switch i.name {
		case "FROM":
			stages = append(stages, i.args)
			user, entrypoint = "", ""
		case "USER":
			user = i.args
		case "ENTRYPOINT":
			entrypoint = i.args
		case "COPY":
			if stage, ok := strings.CutPrefix(args[0], "--from="); ok {
				if !strings.HasSuffix(stages[0], " AS "+stage) {
					t.Errorf("COPY from %s, which is not the first stage", stage)
				}
				continue
			}
			if len(stages) != 1 {
				t.Errorf("COPY %s: the last stage may copy from the first only", i.args)
			}
			for _, source := range args[:len(args)-1] {
				if _, err := os.Stat(filepath.Join(root, source)); err != nil {
					t.Errorf("COPY: %v", err)
				}
				copied = append(copied, source)
			}
		}
	}
	if len(stages) != 2 || stages[1] != "scratch" {
		t.Errorf("the stages are from %q; the last must be from scratch", stages)
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		t.Errorf("USER is %q; the kubelet needs a number to see that it is not root", user)
	}
	if entrypoint != `["/ko-app/service"]` {
		t.Errorf("ENTRYPOINT is %s", entrypoint)
	}
	for _, b := range readKo(t).Builds {
		if b.ID == "otlpsink" {
			continue // for tests
		}
		for _, pkg := range packages(t, b.Main) {
			if !isBelow(pkg, copied) {
				t.Errorf("%s is built from %s, which is not copied", b.ID, pkg)
			}
		}
	}
}

func isBelow(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(pkg+"/", folder+"/") })
}

// packages returns the packages of the repository that a program is built from, as
// reported by go list.
func packages(t *testing.T, main string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", main)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", main, err)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		if pkg, ok := strings.CutPrefix(strings.TrimSpace(line), "bookstall/"); ok {
			list = append(list, pkg)
		}
	}
	if len(list) == 0 {
		t.Fatalf("go list reports no package of this module for %s", main)
	}
	return list
}
