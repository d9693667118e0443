package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// skaffold is skaffold.yaml.
type skaffold struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Build struct {
		TagPolicy map[string]any `yaml:"tagPolicy"`
		Artifacts []struct {
			Image string `yaml:"image"`
			Ko    struct {
				Main         string            `yaml:"main"`
				Env          []string          `yaml:"env"`
				Flags        []string          `yaml:"flags"`
				Ldflags      []string          `yaml:"ldflags"`
				Labels       map[string]string `yaml:"labels"`
				Dependencies struct {
					Paths  []string `yaml:"paths"`
					Ignore []string `yaml:"ignore"`
				} `yaml:"dependencies"`
			} `yaml:"ko"`
		} `yaml:"artifacts"`
	} `yaml:"build"`
	Deploy struct {
		Helm struct {
			Releases []struct {
				Name              string            `yaml:"name"`
				ChartPath         string            `yaml:"chartPath"`
				SetValueTemplates map[string]string `yaml:"setValueTemplates"`
			} `yaml:"releases"`
		} `yaml:"helm"`
	} `yaml:"deploy"`
	PortForward []struct {
		ResourceType string `yaml:"resourceType"`
		ResourceName string `yaml:"resourceName"`
		Port         int    `yaml:"port"`
		LocalPort    int    `yaml:"localPort"`
	} `yaml:"portForward"`
	Profiles []struct {
		Name       string `yaml:"name"`
		Activation []struct {
			Command string `yaml:"command"`
		} `yaml:"activation"`
		Patches []patch `yaml:"patches"`
	} `yaml:"profiles"`
}

// patch is a change that a profile makes to skaffold.yaml.
type patch struct {
	Op    string `yaml:"op"`
	Path  string `yaml:"path"`
	Value any    `yaml:"value"`
}

// apply changes what is at the path. Of lists, it knows elements that are there.
func (p patch) apply(t *testing.T, config any) {
	t.Helper()
	keys := strings.Split(strings.TrimPrefix(p.Path, "/"), "/")
	last := keys[len(keys)-1]
	for _, key := range keys[:len(keys)-1] {
		switch part := config.(type) {
		case map[string]any:
			config = part[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(part) {
				t.Fatalf("%s: no element %s", p.Path, key)
			}
			config = part[i]
		}
	}
	fields, ok := config.(map[string]any)
	if _, there := fields[last]; !ok || there == (p.Op == "add") {
		t.Fatalf("%s %s: it is there: %v", p.Op, p.Path, there)
	}
	switch p.Op {
	case "add", "replace":
		fields[last] = p.Value
	case "remove":
		delete(fields, last)
	default:
		t.Fatalf("%s: operation %s is not known to this test", p.Path, p.Op)
	}
}

// TestSkaffoldIsValid checks skaffold.yaml and each of its profiles against the newest two
// versions of the schema: the file names the earlier one, and a newer Skaffold upgrades it.
func TestSkaffoldIsValid(t *testing.T) {
	for _, version := range []string{"skaffold/v4beta13", "skaffold/v4beta14"} {
		schema := readSchema(t, strings.Replace(version, "/", "-", 1)+".json")
		read := func() map[string]any {
			config := readAny(t, "skaffold.yaml").(map[string]any)
			config["apiVersion"] = version
			return config
		}
		if err := schema.Validate(read()); err != nil {
			t.Errorf("%s: skaffold.yaml: %v", version, err)
		}
		wrong := read()
		wrong["portForwards"] = []any{}
		if err := schema.Validate(wrong); err == nil {
			t.Errorf("%s: the schema accepts an unknown key: this test proves nothing", version)
		}
		for _, profile := range readSkaffold(t).Profiles {
			config := read()
			for _, p := range profile.Patches {
				p.apply(t, config)
			}
			if err := schema.Validate(config); err != nil {
				t.Errorf("%s: skaffold.yaml with -p %s: %v", version, profile.Name, err)
			}
		}
	}
}

// TestSkaffoldDebugs checks that a debugger finds symbols and paths in what the profile builds,
// and that skaffold debug takes the profile by itself.
func TestSkaffoldDebugs(t *testing.T) {
	config := readAny(t, "skaffold.yaml")
	for _, profile := range readSkaffold(t).Profiles {
		if profile.Name != "debug" {
			continue
		}
		if len(profile.Activation) != 1 || profile.Activation[0].Command != "debug" {
			t.Errorf("activation %v", profile.Activation)
		}
		for _, p := range profile.Patches {
			p.apply(t, config)
		}
	}
	before := readSkaffold(t)
	artifacts, _ := value(config, "build.artifacts").([]any)
	if len(artifacts) != len(before.Build.Artifacts) {
		t.Fatalf("%d artifacts", len(artifacts))
	}
	for i, a := range artifacts {
		if stripped := value(a, "ko.ldflags"); stripped != nil {
			t.Errorf("%v: ldflags %v", value(a, "image"), stripped)
		}
		want := without(t, before.Build.Artifacts[i].Ko.Flags, 1, "-trimpath")
		if got := fmt.Sprint(value(a, "ko.flags")); got != fmt.Sprint(want) {
			t.Errorf("%v: flags %s, want %v", value(a, "image"), got, want)
		}
	}
}

func readSkaffold(t *testing.T) skaffold {
	t.Helper()
	var s skaffold
	readYAML(t, "skaffold.yaml", &s)
	return s
}

func TestSkaffoldBuildsTheServices(t *testing.T) {
	s := readSkaffold(t)
	if len(s.Build.Artifacts) != 2 {
		t.Errorf("%d artifacts, want the two services", len(s.Build.Artifacts))
	}
	for _, a := range s.Build.Artifacts {
		isMain(t, a.Ko.Main)
		if a.Image != "bookstall/"+strings.TrimPrefix(a.Ko.Main, "./") {
			t.Errorf("image %s has main %s", a.Image, a.Ko.Main)
		}
		var watched []string
		for _, p := range a.Ko.Dependencies.Paths {
			p = strings.TrimSuffix(p, "/**")
			if _, err := os.Stat(filepath.Join(root, p)); err != nil {
				t.Errorf("%s watches %v", a.Image, err)
			}
			watched = append(watched, p)
		}
		for _, pkg := range packages(t, a.Ko.Main) {
			if !isBelow(pkg, watched) {
				t.Errorf("%s does not watch %s, which it is built from", a.Image, pkg)
			}
		}
	}
}

// TestSkaffoldSetsValuesOfTheChart checks that the values in skaffold.yaml exist in the
// chart, with the same types.
func TestSkaffoldSetsValuesOfTheChart(t *testing.T) {
	s := readSkaffold(t)
	if len(s.Deploy.Helm.Releases) != 1 || len(s.PortForward) != 1 {
		t.Fatalf("%d releases, %d forwarded ports; want one and one", len(s.Deploy.Helm.Releases), len(s.PortForward))
	}
	release := s.Deploy.Helm.Releases[0]
	values := readAny(t, release.ChartPath+"/values.yaml")

	for _, a := range s.Build.Artifacts {
		service := strings.TrimPrefix(a.Image, "bookstall/")
		if got := value(values, service+".image.repository"); got != a.Image {
			t.Errorf("the chart's image of %s is %v, skaffold's %s", service, got, a.Image)
		}
		// All three: the image in the manifests is then the one that skaffold has built.
		for key, kind := range map[string]string{"repository": "REPO", "tag": "TAG", "digest": "DIGEST"} {
			// Skaffold replaces characters that a template name cannot have.
			want := fmt.Sprintf("{{.IMAGE_%s_bookstall_%s}}", kind, service)
			if got := release.SetValueTemplates[service+".image."+key]; got != want {
				t.Errorf("%s.image.%s is %q, want %q", service, key, got, want)
			}
		}
	}
	for key := range release.SetValueTemplates {
		if value(values, key) == nil {
			t.Errorf("the chart has no value %s", key)
		}
	}

	// If the release has the chart's name, the names of objects begin with it once.
	chart := readAny(t, release.ChartPath+"/Chart.yaml")
	if value(chart, "name") != release.Name {
		t.Errorf("release %s of chart %v", release.Name, value(chart, "name"))
	}
	forward := s.PortForward[0]
	if forward.ResourceType != "service" || forward.ResourceName != release.Name+"-marketplace" || forward.LocalPort != 8080 {
		t.Errorf("%+v does not forward the shop", forward)
	}
	if port := value(values, "marketplace.service.port"); port != float64(forward.Port) {
		t.Errorf("port %d is forwarded, the chart's is %v", forward.Port, port)
	}

	names := map[string]bool{}
	for _, p := range s.Profiles {
		names[p.Name] = true
		for _, patch := range p.Patches {
			set, _ := patch.Value.(map[string]any)
			if (patch.Path == "/deploy/helm/releases/0/setValues") != (set != nil) {
				t.Errorf("profile %s: patch %s %s is not known to this test", p.Name, patch.Op, patch.Path)
			}
			for key, v := range set {
				old := value(values, key)
				// readAny decodes numbers as float64, readYAML as int.
				_, number := v.(int)
				if _, was := old.(float64); old == nil || number != was {
					t.Errorf("profile %s sets %s to %v; in the chart it is %v", p.Name, key, v, old)
				}
			}
		}
	}
	if !names["dev"] || !names["ha"] || !names["debug"] {
		t.Errorf("profiles %v, want dev, ha and debug", names)
	}
}

// value returns the value at a dotted path, nil if there is none.
func value(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}
