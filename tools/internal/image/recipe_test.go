package image

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRecipeRefusesUnknownSettings checks that a setting of ko which this program does not
// implement is an error.
func TestRecipeRefusesUnknownSettings(t *testing.T) {
	for _, text := range []string{
		"defaultPlatforms: [linux/amd64]\nbuilds: [{id: a, main: ./a, ldflags: [-X=b=c]}]\n",
		"defaultPlatforms: [linux/amd64]\nbuilds: [{id: a, main: ./b}]\n",
		"defaultPlatforms: [linux/amd64]\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".ko.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRecipe(dir); err == nil {
			t.Errorf("ReadRecipe accepts\n%s", text)
		}
	}
}

func TestLinkerFlagsNameVersionAndCommit(t *testing.T) {
	r := Recipe{Ldflags: []string{"-s", `-X=p.v={{index .Env "BOOKSTALL_VERSION"}}`, `-X=p.r={{index .Env "BOOKSTALL_REVISION"}}`}}
	if got, err := r.ldflags("1.2.3", ""); got != "-s -X=p.v=1.2.3 -X=p.r=" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, wrong := range []string{"{{.Git.Tag}}", "{{.Env.HOME}}", "{{"} {
		if got, err := (Recipe{Ldflags: []string{wrong}}).ldflags("1.2.3", ""); err == nil {
			t.Errorf("%s: %q, want an error: ko would build something else", wrong, got)
		}
	}
}
