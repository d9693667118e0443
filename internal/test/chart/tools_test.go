package chart

import (
	"encoding/json"
	"path/filepath"
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

// Manifests are valid for each Kubernetes release in .tools/schemas, without unknown
// fields.
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
	// These must be refused, or the schemas are not strict.
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

// exceptions maps checks of kube-score that the chart does not follow to the reason.
func exceptions() map[string]string {
	return map[string]string{
		"container-resources":                      "no CPU limit: throttling shows as latency, and the request gives a fair share. Memory limits are set, and another test checks them",
		"container-image-pull-policy":              "tags are immutable, and a digest can be set; with Always no pod starts without the registry",
		"statefulset-has-servicename":              "wants a headless Service; no client needs the name of the single database pod, and a cluster IP stays the same when the pod is replaced",
		"container-security-context-user-group-id": "lockeddown.yaml leaves users and groups to the platform",
		"deployment-has-host-podantiaffinity":      "topology spread constraints do the same for more than two pods; kube-score ignores them",
	}
}

func TestKubeScore(t *testing.T) {
	score, helm := tool(t, "kube-score"), tool(t, "helm")
	excepted := map[string]bool{}
	for set, args := range sets(t) {
		if set == "bare" {
			continue // it turns off what kube-score asks for
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
			t.Errorf("%s: an exception that is not needed", id)
		}
	}
}
