package adopt

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// root is the path of the repository from this package.
const root = "../../.."

const program = `package main

import (
	"fmt"

	"bookstall/balance"
)

func main() {
	b, err := balance.New()
	fmt.Println(b.Replicas(), err)
	b.Close()
}
`

// TestAFolderThatIsCopied makes a module that requires nothing but what the copied packages
// may, copies them into it, and runs its vet, tests and examples there. Then it
// uses the copy in a program of another module.
func TestAFolderThatIsCopied(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP (-short): compiles grpc for other modules")
	}
	for name, test := range map[string]struct {
		requires []string
		without  []string // folders of balance
		tests    string   // packages whose tests run
	}{
		"balance":                  {[]string{"google.golang.org/grpc"}, []string{"balanceprom"}, "./..."},
		"balance with balanceprom": {[]string{"google.golang.org/grpc", "github.com/prometheus/client_golang"}, nil, "./balance/balanceprom"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			module := filepath.Join(dir, "third_party", "bookstall")
			folder := filepath.Join(module, "balance")
			if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "balance"))); err != nil {
				t.Fatal(err)
			}
			for _, w := range test.without {
				if err := os.RemoveAll(filepath.Join(folder, w)); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(module, "go.mod"), "module bookstall\n"+requires(t, test.requires))
			copySums(t, module)
			goRun(t, module, "mod", "tidy")
			wantDirect(t, module, test.requires)
			goRun(t, module, "vet", "./...")
			goRun(t, module, "test", "-count=1", "-vet=off", test.tests) // vet has run

			write(t, filepath.Join(dir, "go.mod"), "module example.com/shop\n"+requires(t, nil)+
				"require bookstall v0.0.0\nreplace bookstall => ./third_party/bookstall\n")
			copySums(t, dir)
			write(t, filepath.Join(dir, "main.go"), program)
			goRun(t, dir, "mod", "tidy")
			if got := goRun(t, dir, "run", "."); got != "[] <nil>\n" {
				t.Errorf("the program printed %q", got)
			}
		})
	}
}

// TestTheCodeNeedsNoRewriting copies the code of balance, without tests, to another path.
func TestTheCodeNeedsNoRewriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(root, "balance", "*.go"))
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files of balance: looking in the wrong place (%v)", len(files), err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "internal", "balance", filepath.Base(f)), string(text))
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/shop\n"+requires(t, []string{"google.golang.org/grpc"}))
	copySums(t, dir)
	write(t, filepath.Join(dir, "main.go"), strings.Replace(program, `"bookstall/balance"`, `"example.com/shop/internal/balance"`, 1))
	goRun(t, dir, "mod", "tidy")
	goRun(t, dir, "vet", "./...")
	if got := goRun(t, dir, "run", "."); got != "[] <nil>\n" {
		t.Errorf("the program printed %q", got)
	}
}

// requires returns the lines of a go.mod: this repository's version of Go, and its versions
// of these modules.
func requires(t *testing.T, modules []string) string {
	t.Helper()
	mod := parse(t, root)
	text := "go " + mod.Go.Version + "\n"
	for _, m := range modules {
		for _, r := range mod.Require {
			if r.Mod.Path == m {
				text += "require " + m + " " + r.Mod.Version + "\n"
			}
		}
	}
	return text
}

func parse(t *testing.T, dir string) *modfile.File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// wantDirect checks that the module in dir imports these modules and no others.
func wantDirect(t *testing.T, dir string, modules []string) {
	t.Helper()
	direct := map[string]bool{}
	for _, r := range parse(t, dir).Require {
		if !r.Indirect {
			direct[r.Mod.Path] = true
		}
	}
	for _, m := range modules {
		if !direct[m] {
			t.Errorf("the copy does not import %s", m)
		}
		delete(direct, m)
	}
	for m := range direct {
		t.Errorf("the copy imports %s", m)
	}
}

func copySums(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(text))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), fs.FileMode(0o644)); err != nil {
		t.Fatal(err)
	}
}

// goRun runs a go command in dir, without a network for modules, and returns what it prints.
func goRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GONOSUMDB=*", "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}
