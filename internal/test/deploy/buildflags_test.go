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
	// While one develops, Go records version and commit. Images for others are built without
	// version control, and the linker is told.
	vcs := ko{Env: k.Env, Flags: without(t, k.Flags, 1, "-buildvcs=false"), Ldflags: without(t, k.Ldflags, 2, "-X=")}

	t.Run("skaffold.yaml", func(t *testing.T) {
		for _, a := range readSkaffold(t).Build.Artifacts {
			if !slices.Equal(a.Ko.Env, vcs.Env) || !slices.Equal(a.Ko.Flags, vcs.Flags) || !slices.Equal(a.Ko.Ldflags, vcs.Ldflags) {
				t.Errorf("%s differs from .ko.yaml:\n%+v\n%+v", a.Image, a.Ko, vcs)
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
		// ko's templates are the Dockerfile's arguments.
		argument := regexp.MustCompile(`{{index \.Env "BOOKSTALL_([A-Z]+)"}}`)
		flags := argument.ReplaceAllString(strings.Join(k.Ldflags, " "), "$$$1")
		if want := "go build " + strings.Join(k.Flags, " ") + ` -ldflags="` + flags + `" -o `; !strings.Contains(oneSpace(build), want) {
			t.Errorf("no %q in:\n%s", want, build)
		}
	})
	t.Run("Makefile", func(t *testing.T) {
		m := regexp.MustCompile(`(?m)^BUILD_FLAGS := (.*)$`).FindSubmatch(read(t, "Makefile"))
		if m == nil {
			t.Fatal("no BUILD_FLAGS")
		}
		if got, want := string(m[1]), strings.Join(vcs.Flags, " ")+" -ldflags='"+strings.Join(vcs.Ldflags, " ")+"'"; got != want {
			t.Errorf("BUILD_FLAGS is %s, want %s", got, want)
		}
		if !slices.Contains(k.Env, "CGO_ENABLED=0") || !strings.Contains(string(read(t, "Makefile")), "\t@CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) ") {
			t.Error("make build does not use CGO_ENABLED=0 and BUILD_FLAGS")
		}
	})
}

// without returns the flags without those with a prefix, of which there must be n.
func without(t *testing.T, flags []string, n int, prefix string) []string {
	t.Helper()
	rest := slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return strings.HasPrefix(f, prefix) })
	if len(rest) != len(flags)-n {
		t.Errorf("%d flags with %s in .ko.yaml, want %d: %q", len(flags)-len(rest), prefix, n, flags)
	}
	return rest
}

func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestDockerfileHasTheGoVersionOfGoMod(t *testing.T) {
	goMod := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindSubmatch(read(t, "go.mod"))
	from := dockerfile(t)[0]
	if goMod == nil || from.name != "FROM" || !strings.Contains(from.args, " golang:"+string(goMod[1])+" ") {
		t.Errorf("%s %s, go.mod wants %s", from.name, from.args, goMod)
	}
}
