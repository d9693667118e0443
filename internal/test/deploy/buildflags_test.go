package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestBuildFlags compares the build flags and the environment of the build in all
// files that have them. The tools that read these files cannot share one.
func TestBuildFlags(t *testing.T) {
	k := readKo(t)

	t.Run("skaffold.yaml", func(t *testing.T) {
		for _, a := range readSkaffold(t).Build.Artifacts {
			if !slices.Equal(a.Ko.Env, k.Env) || !slices.Equal(a.Ko.Flags, k.Flags) || !slices.Equal(a.Ko.Ldflags, k.Ldflags) {
				t.Errorf("%s differs from .ko.yaml:\n%+v\n%+v", a.Image, a.Ko, k)
			}
		}
	})
	t.Run("deploy/Dockerfile", func(t *testing.T) {
		var build, env string
		for _, i := range dockerfile(t) {
			switch {
			case i.name == "RUN" && strings.Contains(i.args, "go build"):
				build = i.args
			case i.name == "ENV" && env == "":
				env = i.args
			}
		}
		if got := strings.Fields(env); !slices.Equal(got, k.Env) {
			t.Errorf("ENV is %v, .ko.yaml has %v", got, k.Env)
		}
		if want := "go build " + k.goFlags(k.Flags) + " -o "; !strings.Contains(oneSpace(build), want) {
			t.Errorf("no %q in:\n%s", want, build)
		}
	})
	t.Run("Makefile", func(t *testing.T) {
		m := regexp.MustCompile(`(?m)^BUILD_FLAGS := (.*)$`).FindSubmatch(read(t, "Makefile"))
		if m == nil {
			t.Fatal("no BUILD_FLAGS")
		}
		// Programs on a developer's machine report the commit; images have it in a label.
		flags := slices.DeleteFunc(slices.Clone(k.Flags), func(f string) bool { return f == "-buildvcs=false" })
		if got, want := string(m[1]), k.goFlags(flags); got != want || len(flags) != len(k.Flags)-1 {
			t.Errorf("BUILD_FLAGS is %s, want %s", got, want)
		}
		if !slices.Contains(k.Env, "CGO_ENABLED=0") || !strings.Contains(string(read(t, "Makefile")), "\tCGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) ") {
			t.Error("make build does not use CGO_ENABLED=0 and BUILD_FLAGS")
		}
	})
}

// goFlags returns flags and the linker flags of .ko.yaml as arguments of go build.
func (k ko) goFlags(flags []string) string {
	return strings.Join(flags, " ") + " -ldflags='" + strings.Join(k.Ldflags, " ") + "'"
}

func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestDockerfileHasTheGoVersionOfGoMod(t *testing.T) {
	goMod := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindSubmatch(read(t, "go.mod"))
	from := dockerfile(t)[0]
	if goMod == nil || from.name != "FROM" || !strings.Contains(from.args, " golang:"+string(goMod[1])+" ") {
		t.Errorf("%s %s, go.mod wants %s", from.name, from.args, goMod)
	}
}
