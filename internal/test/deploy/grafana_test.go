package deploy

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// mountedAt returns the file or folder of the repository that a service of Compose sees at a path.
func mountedAt(t *testing.T, service composeService, at string) string {
	t.Helper()
	for _, v := range service.Volumes {
		source, target, _ := strings.Cut(strings.TrimSuffix(v, ":ro"), ":")
		if rest, inside := strings.CutPrefix(at, target); inside && (rest == "" || rest[0] == '/') {
			return path.Join("deploy", source) + rest
		}
	}
	t.Fatalf("nothing is mounted at %s in %v", at, service.Volumes)
	return ""
}

// Grafana finds Prometheus, Jaeger and the dashboards of the chart by the files of deploy/grafana,
// and the dashboards find their data source.
func TestGrafana(t *testing.T) {
	services := readCompose(t).Services
	service := services["grafana"]
	var sources struct {
		Version     int `yaml:"apiVersion"`
		DataSources []struct {
			Name, Type, UID, Access, URL string

			IsDefault bool           `yaml:"isDefault"`
			JSONData  map[string]any `yaml:"jsonData"`
		} `yaml:"datasources"`
	}
	readYAML(t, mountedAt(t, service, "/etc/grafana/provisioning/datasources/bookstall.yaml"), &sources)
	types := map[string]bool{}
	for _, s := range sources.DataSources {
		types[s.Type] = s.IsDefault
		variable := strings.TrimPrefix(s.URL, "$")
		host, port, _ := strings.Cut(strings.TrimPrefix(service.Environment[variable], "http://"), ":")
		if other, known := services[host]; !known || !strings.HasSuffix(strings.Join(other.Ports, " "), ":"+port) {
			t.Errorf("%s is at %s=%s, which is no service of Compose", s.Name, variable, service.Environment[variable])
		}
		if !regexp.MustCompile(`-e ` + variable + `=http://\S+`).Match(read(t, "docs/dashboards.md")) {
			t.Errorf("docs/dashboards.md does not name %s", variable)
		}
	}
	if len(types) != 2 || !types["prometheus"] {
		t.Errorf("types of data sources, and whether they are the default: %v", types)
	}

	var provider struct {
		Version   int `yaml:"apiVersion"`
		Providers []struct {
			Name, Folder, Type string
			Options            struct{ Path string }
		}
	}
	readYAML(t, mountedAt(t, service, "/etc/grafana/provisioning/dashboards/bookstall.yaml"), &provider)
	folder := mountedAt(t, service, provider.Providers[0].Options.Path)
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil || len(entries) != 5 {
		t.Errorf("%s has %d dashboards, %v; want 5", folder, len(entries), err)
	}
	for _, e := range entries {
		dashboard := readAny(t, path.Join(folder, e.Name()))
		name := value(dashboard, "panels").([]any)[0].(map[string]any)["datasource"].(map[string]any)["uid"]
		first := value(dashboard, "templating.list").([]any)[0].(map[string]any)
		if name != "${"+first["name"].(string)+"}" || first["type"] != "datasource" || !types[first["query"].(string)] {
			t.Errorf("%s takes its data from %v, a choice of %v", e.Name(), name, first)
		}
	}
	if image := regexp.MustCompile(`grafana/grafana:\S+`).FindString(string(read(t, "docs/dashboards.md"))); image != service.Image {
		t.Errorf("docs/dashboards.md runs %q, Compose %q", image, service.Image)
	}
}

// Prometheus has the rules of the chart, and gives series the labels that rules and dashboards
// choose by.
func TestLabelsInCompose(t *testing.T) {
	var config struct {
		Rules  []string `yaml:"rule_files"`
		Scrape []struct {
			Relabel []struct {
				From        []string `yaml:"source_labels"`
				Regex       string
				To          string `yaml:"target_label"`
				Replacement string
			} `yaml:"relabel_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus.yaml"), &config); err != nil {
		t.Fatal(err)
	}
	folder := mountedAt(t, readCompose(t).Services["prometheus"], path.Dir(config.Rules[0]))
	if files, _ := filepath.Glob(filepath.Join(root, folder, path.Base(config.Rules[0]))); len(files) != 1 {
		t.Errorf("%s has the rules %v", folder, files)
	}
	labels := map[string]string{"__meta_dns_name": "marketplace", "__address__": "172.18.0.3:9090"}
	for _, r := range config.Scrape[0].Relabel {
		var from []string
		for _, name := range r.From {
			from = append(from, labels[name])
		}
		pattern := regexp.MustCompile("^(?:" + cmp.Or(r.Regex, "(.*)") + ")$")
		labels[r.To] = pattern.ReplaceAllString(strings.Join(from, ";"), cmp.Or(r.Replacement, "$1"))
	}
	want := map[string]string{"job": "marketplace", "service": "bookstall-marketplace-metrics", "pod": "172.18.0.3", "namespace": "compose"}
	for name, value := range want {
		if labels[name] != value {
			t.Errorf("label %s is %q, want %q", name, labels[name], value)
		}
	}
}
