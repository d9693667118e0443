package chart

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inCluster returns the manifests that Helm renders with a cluster, which it only looks at.
func inCluster(t *testing.T, helm, kubeconfig string, args ...string) []byte {
	t.Helper()
	out, err := render(t, helm, append([]string{"--dry-run=server", "--disable-openapi-validation", "--kubeconfig=" + kubeconfig}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// cluster is an API server that has some Secrets, as far as Helm's lookup needs it. Whoever asks
// it has rights in the namespace shop only.
func cluster(t *testing.T, secrets ...object) (kubeconfig string) {
	t.Helper()
	const namespace = "shop"
	answers := map[string]any{
		"/version": object{"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
		"/api":     object{"kind": "APIVersions", "versions": []string{"v1"}},
		"/api/v1/namespaces/" + namespace + "/secrets": object{"kind": "SecretList", "apiVersion": "v1", "items": secrets},
	}
	var groups []object
	for api, kinds := range map[string][]string{
		"v1": {"Secret", "Service", "ServiceAccount", "Pod", "Namespace"}, "apps/v1": {"Deployment", "StatefulSet"},
		"policy/v1": {"PodDisruptionBudget"}, "batch/v1": {"Job", "CronJob"}, "networking.k8s.io/v1": {"NetworkPolicy"},
	} {
		var resources []object
		for _, kind := range kinds {
			plural := strings.ReplaceAll(strings.ToLower(kind)+"s", "ys", "ies")
			resources = append(resources, object{"name": plural, "kind": kind, "namespaced": kind != "Namespace", "verbs": []string{"get"}})
		}
		path := "/api/" + api
		if group, version, ok := strings.Cut(api, "/"); ok {
			path = "/apis/" + api
			v := object{"groupVersion": api, "version": version}
			groups = append(groups, object{"name": group, "versions": []object{v}, "preferredVersion": v})
		}
		answers[path] = object{"kind": "APIResourceList", "groupVersion": api, "resources": resources}
	}
	answers["/apis"] = object{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
	for _, s := range secrets {
		kept := maps.Clone(s)
		meta := maps.Clone(s.at("metadata").(map[string]any))
		meta["annotations"] = object{"meta.helm.sh/release-name": "bookstall", "meta.helm.sh/release-namespace": namespace}
		kept["metadata"] = meta
		answers["/api/v1/namespaces/"+namespace+"/secrets/"+s.name()] = kept
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[strings.TrimSuffix(r.URL.Path, "/")]
		w.Header().Set("Content-Type", "application/json")
		if rest, within := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces"); within && !strings.HasPrefix(rest, "/"+namespace+"/") {
			w.WriteHeader(http.StatusForbidden)
			answer = object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": http.StatusForbidden}
		} else if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "{apiVersion: v1, kind: Config, current-context: x, clusters: [{name: x, cluster: {server: '" + server.URL +
		"'}}], contexts: [{name: x, context: {cluster: x, user: x}}], users: [{name: x, user: {}}]}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
