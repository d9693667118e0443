package image

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.yaml.in/yaml/v3"
)

// Recipe is .ko.yaml. An unknown key is an error, because ko would build something
// else.
type Recipe struct {
	Platforms []string  `yaml:"defaultPlatforms"`
	Env       []string  `yaml:"defaultEnv"`
	Flags     []string  `yaml:"defaultFlags"`
	Ldflags   []string  `yaml:"defaultLdflags"`
	Programs  []Program `yaml:"builds"`
}

// Program is a main package for which there is an image.
type Program struct {
	ID   string `yaml:"id"`
	Main string `yaml:"main"`
}

// ReadRecipe reads the recipe of the repository at root.
func ReadRecipe(root string) (Recipe, error) {
	text, err := os.ReadFile(filepath.Join(root, ".ko.yaml"))
	if err != nil {
		return Recipe{}, fmt.Errorf("read the recipe: %w", err)
	}
	var r Recipe
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil {
		return Recipe{}, fmt.Errorf("read .ko.yaml: %w", err)
	}
	if len(r.Platforms) == 0 || len(r.Programs) == 0 {
		return Recipe{}, fmt.Errorf("read .ko.yaml: got %d platforms and %d builds", len(r.Platforms), len(r.Programs))
	}
	// ko names the binary after its folder, and so does the entrypoint.
	for _, p := range r.Programs {
		if filepath.Base(p.Main) != p.ID {
			return Recipe{}, fmt.Errorf("read .ko.yaml: build %q has main %q; want a folder of the same name", p.ID, p.Main)
		}
	}
	return r, nil
}

// ldflags returns the linker flags for a version and commit, which ko takes from the
// environment. Only what ko's templates know too can be used in them.
func (r Recipe) ldflags(version, revision string) (string, error) {
	data := map[string]map[string]string{"Env": {"BOOKSTALL_VERSION": version, "BOOKSTALL_REVISION": revision}}
	t, err := template.New(".ko.yaml").Option("missingkey=error").Parse(strings.Join(r.Ldflags, " "))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := t.Execute(&text, data); err != nil {
		return "", err
	}
	return text.String(), nil
}

// Choose returns the programs with these names, or all programs without names.
func (r Recipe) Choose(names []string) ([]Program, error) {
	if len(names) == 0 {
		return r.Programs, nil
	}
	var chosen []Program
	for _, n := range names {
		i := slices.IndexFunc(r.Programs, func(p Program) bool { return p.ID == n })
		if i < 0 {
			return nil, fmt.Errorf("no build %q in .ko.yaml", n)
		}
		chosen = append(chosen, r.Programs[i])
	}
	return chosen, nil
}

// Platform returns the platform with this name, which must be one of the recipe.
func (r Recipe) Platform(name string) (v1.Platform, error) {
	if !slices.Contains(r.Platforms, name) {
		return v1.Platform{}, fmt.Errorf("platform %q is not one of %s", name, strings.Join(r.Platforms, ", "))
	}
	p, err := v1.ParsePlatform(name)
	if err != nil {
		return v1.Platform{}, err
	}
	return *p, nil
}
