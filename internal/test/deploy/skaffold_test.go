package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
		Name    string `yaml:"name"`
		Patches []struct {
			Op    string         `yaml:"op"`
			Path  string         `yaml:"path"`
			Value map[string]any `yaml:"value"`
		} `yaml:"patches"`
	} `yaml:"profiles"`
}

func TestSkaffoldIsValid(t *testing.T) {
	schema := readSchema(t, "skaffold-v4beta13.json")
	config := readAny(t, "skaffold.yaml")
	if err := schema.Validate(config); err != nil {
		t.Errorf("skaffold.yaml: %v", err)
	}
	config.(map[string]any)["portForwards"] = []any{}
	if err := schema.Validate(config); err == nil {
		t.Error("the schema accepts an unknown key: this test proves nothing")
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
		for _, folder := range folders(t, a.Ko.Main) {
			if !slices.Contains(watched, folder) {
				t.Errorf("%s does not watch %s, which it is built from", a.Image, folder)
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
		for key, kind := range map[string]string{"repository": "REPO", "tag": "TAG"} {
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
			if patch.Op != "add" || patch.Path != "/deploy/helm/releases/0/setValues" {
				t.Errorf("profile %s: patch %s %s is not known to this test", p.Name, patch.Op, patch.Path)
			}
			for key, v := range patch.Value {
				old := value(values, key)
				// readAny decodes numbers as float64, readYAML as int.
				_, number := v.(int)
				if _, was := old.(float64); old == nil || number != was {
					t.Errorf("profile %s sets %s to %v; in the chart it is %v", p.Name, key, v, old)
				}
			}
		}
	}
	if !names["dev"] || !names["ha"] {
		t.Errorf("profiles %v, want dev and ha", names)
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
