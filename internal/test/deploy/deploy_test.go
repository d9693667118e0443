package deploy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the path of the repository from this package.
const root = "../../.."

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readYAML decodes a file into v and refuses unknown keys.
func readYAML(t *testing.T, name string, v any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(read(t, name)))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// readAny decodes a YAML file to the types of encoding/json.
func readAny(t *testing.T, name string) any {
	t.Helper()
	return unmarshal(t, name, read(t, name))
}

// unmarshal decodes YAML, the text of a file or one made of it, as readAny does.
func unmarshal(t *testing.T, name string, yamlText []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(yamlText, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// ko is .ko.yaml.
type ko struct {
	Platforms []string `yaml:"defaultPlatforms"`
	Env       []string `yaml:"defaultEnv"`
	Flags     []string `yaml:"defaultFlags"`
	Ldflags   []string `yaml:"defaultLdflags"`
	Builds    []struct {
		ID   string `yaml:"id"`
		Main string `yaml:"main"`
	} `yaml:"builds"`
}

func readKo(t *testing.T) ko {
	t.Helper()
	var k ko
	readYAML(t, ".ko.yaml", &k)
	return k
}

// isMain fails the test if the folder is not a program.
func isMain(t *testing.T, folder string) {
	t.Helper()
	if !bytes.Contains(read(t, folder+"/main.go"), []byte("\npackage main\n")) {
		t.Errorf("%s is not a program", folder)
	}
}

func TestKo(t *testing.T) {
	k := readKo(t)
	if len(k.Platforms) != 2 {
		t.Errorf("platforms %v", k.Platforms)
	}
	programs := map[string]bool{}
	for _, b := range k.Builds {
		isMain(t, b.Main)
		programs[b.ID] = true
	}
	if !programs["marketplace"] || !programs["recommendations"] {
		t.Errorf("the builds are %v", programs)
	}
}

func TestKind(t *testing.T) {
	var cluster struct {
		Kind       string `yaml:"kind"`
		APIVersion string `yaml:"apiVersion"`
		Name       string `yaml:"name"`
		Nodes      []struct {
			Role string `yaml:"role"`
		} `yaml:"nodes"`
	}
	readYAML(t, "deploy/kind.yaml", &cluster)
	if cluster.Kind != "Cluster" || cluster.APIVersion != "kind.x-k8s.io/v1alpha4" || cluster.Name != "bookstall" {
		t.Errorf("%+v", cluster)
	}
	roles := map[string]int{}
	for _, n := range cluster.Nodes {
		roles[n.Role]++
	}
	if roles["control-plane"] != 1 || roles["worker"] != 2 || len(cluster.Nodes) != 3 {
		t.Errorf("nodes %v, want a control plane and two workers", roles)
	}
}
