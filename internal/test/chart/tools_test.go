package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	for _, name := range []string{"helm", "helm3"} {
		t.Run(name, func(t *testing.T) {
			helm := tool(t, name)
			for set := range sets(t) {
				if out, err := command(t, nil, helm, "lint", "--strict", kubeVersion, "--values=testdata/"+set+".yaml", chart); err != nil {
					t.Errorf("%s: %v\n%s", set, err, out)
				}
			}
		})
	}
}

// Against the API of each Kubernetes release in .tools/schemas, no field unknown.
func TestManifestsAreValid(t *testing.T) {
	kubeconform := tool(t, "kubeconform")
	helm := tool(t, "helm")
	releases, err := filepath.Glob(root + "/.tools/schemas/v*")
	if err != nil {
		t.Fatal(err)
	}
	if len(releases) < 2 {
		t.Skip("SKIP (counted): .tools/schemas has no two Kubernetes releases: make .tools/schemas/stamp")
	}
	for set, args := range sets(t) {
		manifests, err := render(t, helm, args...)
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		for _, release := range releases {
			if out, err := validate(t, kubeconform, release, manifests); err != nil {
				t.Errorf("%s, Kubernetes %s: %v\n%s", set, filepath.Base(release), err, out)
			}
		}
	}
	// Shows that the schemas are strict.
	for _, wrong := range []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {clusterip: None}\n",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: many, selector: {}, template: {}}\n",
		"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: x}\nspec: {selector: {}, endpoint: []}\n",
		"apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: x}\n",
	} {
		if out, err := validate(t, kubeconform, releases[0], []byte(wrong)); err == nil {
			t.Errorf("accepted:\n%s%s", wrong, out)
		}
	}
}

func validate(t *testing.T, kubeconform, release string, manifests []byte) ([]byte, error) {
	t.Helper()
	schemas, err := filepath.Abs(release)
	if err != nil {
		t.Fatal(err)
	}
	return command(t, manifests, kubeconform, "-strict", "-summary",
		"-schema-location="+schemas+"/{{.ResourceKind}}{{.KindSuffix}}.json")
}

// exceptions are complaints of kube-score that we live with, and why.
func exceptions() map[string]string {
	return map[string]string{
		"container-resources":                 "no CPU limit: it throttles, which shows as latency; a request gives a fair share. Memory limits are there, as another test says",
		"container-image-pull-policy":         "tags are never moved, and a digest can be given; Always would make a registry part of each start",
		"statefulset-has-servicename":         "wants a headless Service; nobody asks for the one pod of the trial database by a name of its own, and a cluster IP outlives it",
		"deployment-has-host-podantiaffinity": "topology spread constraints say the same for more than two pods; kube-score does not look at them",
	}
}

func TestKubeScore(t *testing.T) {
	score, helm := tool(t, "kube-score"), tool(t, "helm")
	excepted := map[string]bool{}
	for set, args := range sets(t) {
		if set == "bare" {
			continue // what is turned off there is what would be complained of
		}
		manifests, err := render(t, helm, args...)
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		out, err := command(t, manifests, score, "score", "--output-format=json", "--kubernetes-version=v1.34", "-")
		var list []struct {
			Name   string `json:"object_name"`
			Checks []struct {
				Check    struct{ ID string }
				Grade    int
				Skipped  bool
				Comments []struct{ Path, Summary string }
			}
		}
		if jsonErr := json.Unmarshal(out, &list); jsonErr != nil {
			t.Fatalf("%s: %v, %v", set, err, jsonErr)
		}
		for _, o := range list {
			for _, c := range o.Checks {
				const ok = 10
				switch _, known := exceptions()[c.Check.ID]; {
				case c.Skipped || c.Grade >= ok:
				case known:
					excepted[c.Check.ID] = true
				default:
					t.Errorf("%s: %s: %s: %+v", set, o.Name, c.Check.ID, c.Comments)
				}
			}
		}
	}
	for id := range exceptions() {
		if !excepted[id] {
			t.Errorf("%s: an exception that nothing needs", id)
		}
	}
}

func TestNoTemplateTextIsThereTwice(t *testing.T) {
	files, err := filepath.Glob(chart + "/templates/*.*")
	if err != nil {
		t.Fatal(err)
	}
	const window = 8 // lines in a row
	seen := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		for i := 0; i+window <= len(lines); i++ {
			block := strings.Join(lines[i:i+window], "\n")
			seen[block] = append(seen[block], fmt.Sprintf("%s:%d", filepath.Base(file), i+1))
		}
	}
	for _, block := range slices.Sorted(maps.Keys(seen)) {
		if places := seen[block]; len(places) > 1 {
			t.Errorf("the same text at %s:\n%s", strings.Join(places, " and "), block)
		}
	}
}
