package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.yaml.in/yaml/v3"
)

// recipe is .ko.yaml. An unknown key is an error, because ko would build something
// else.
type recipe struct {
	Platforms []string  `yaml:"defaultPlatforms"`
	Env       []string  `yaml:"defaultEnv"`
	Flags     []string  `yaml:"defaultFlags"`
	Ldflags   []string  `yaml:"defaultLdflags"`
	Programs  []program `yaml:"builds"`
}

// program is a main package for which there is an image.
type program struct {
	ID   string `yaml:"id"`
	Main string `yaml:"main"`
}

func readRecipe(root string) (recipe, error) {
	text, err := os.ReadFile(filepath.Join(root, ".ko.yaml"))
	if err != nil {
		return recipe{}, fmt.Errorf("read the recipe: %w", err)
	}
	var r recipe
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil {
		return recipe{}, fmt.Errorf("read .ko.yaml: %w", err)
	}
	if len(r.Platforms) == 0 || len(r.Programs) == 0 {
		return recipe{}, fmt.Errorf("read .ko.yaml: got %d platforms and %d builds", len(r.Platforms), len(r.Programs))
	}
	// ko names the binary after its folder, and so does the entrypoint.
	for _, p := range r.Programs {
		if filepath.Base(p.Main) != p.ID {
			return recipe{}, fmt.Errorf("read .ko.yaml: build %q has main %q; want a folder of the same name", p.ID, p.Main)
		}
	}
	return r, nil
}

// choose returns the programs with these names, or all programs without names.
func (r recipe) choose(names []string) ([]program, error) {
	if len(names) == 0 {
		return r.Programs, nil
	}
	var chosen []program
	for _, n := range names {
		i := slices.IndexFunc(r.Programs, func(p program) bool { return p.ID == n })
		if i < 0 {
			return nil, fmt.Errorf("no build %q in .ko.yaml", n)
		}
		chosen = append(chosen, r.Programs[i])
	}
	return chosen, nil
}

// platform returns the platform with this name, which must be one of the recipe.
func (r recipe) platform(name string) (v1.Platform, error) {
	if !slices.Contains(r.Platforms, name) {
		return v1.Platform{}, fmt.Errorf("platform %q is not one of %s", name, strings.Join(r.Platforms, ", "))
	}
	p, err := v1.ParsePlatform(name)
	if err != nil {
		return v1.Platform{}, err
	}
	return *p, nil
}
