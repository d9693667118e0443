package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parent returns a chart that depends on this one, by lines of dependencies and by values.
func parent(t *testing.T, dependencies, values string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "charts", "bookstall"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies:\n" + dependencies, "values.yaml": values,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAsADependency: once by its name and twice by an alias in one release, by condition and
// tags, with what a parent chart shares. Names do not clash, even if the name of the release
// contains the aliases, or is too long for them.
func TestAsADependency(t *testing.T) {
	dir := parent(t, `  - {name: bookstall, version: "*", condition: bookstall.enabled}
  - {name: bookstall, version: "*", alias: books, condition: books.enabled, tags: [more], import-values: [data]}
  - {name: bookstall, version: "*", alias: Second_Shop, tags: [more]}
  - {name: bookstall, version: "*", alias: left, condition: left.enabled}
  - {name: bookstall, version: "*", alias: out, tags: [less]}
`, `tags: {more: true, less: false}
global:
  imageRegistry: registry.example.com/team
  imagePullSecrets: [one, {name: two}]
  somebodyElses: {value: 1}
bookstall: {enabled: true, tags: {more: true}}
books: {enabled: true, exports: {data: {fromChild: 1}}, image: {registry: registry.example.org}}
left: {enabled: false}
`)
	for _, name := range []string{"helm", "helm3"} {
		helm := tool(t, name)
		for _, release := range []string{"x", "books", "bookstall", "bookstall-books-second-shop", "a-name-of-a-release-that-is-long-second-shop"} {
			out, err := command(t, nil, helm, "template", release, dir, "--namespace=shop", kubeVersion)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, release, err)
			}
			seen, selected := map[string]bool{}, map[string]string{}
			deployments := 0
			for _, o := range parse(t, out) {
				key := o.kind() + "/" + o.name()
				if seen[key] || len(o.name()) > 63 || o.name() != strings.ToLower(o.name()) {
					t.Errorf("%s, release %s: %s is there twice, or is no name", name, release, key)
				}
				seen[key] = true
				if o.kind() != "Deployment" {
					continue
				}
				deployments++
				by := compact(t, o.at("spec", "selector", "matchLabels"))
				if other := selected[by]; other != "" {
					t.Errorf("%s, release %s: %s and %s select the same pods", name, release, other, o.name())
				}
				selected[by] = o.name()
				registry := "registry.example.com/team/"
				if o.text("spec", "selector", "matchLabels", "app.kubernetes.io/name") == "books" {
					registry = "registry.example.org/"
				}
				if image := o.pod().list("spec", "containers")[0].text("image"); !strings.HasPrefix(image, registry+"bookstall/") {
					t.Errorf("%s: image %s", o.name(), image)
				}
				if secrets := compact(t, o.pod().at("spec", "imagePullSecrets")); secrets != `[{"name":"one"},{"name":"two"}]` {
					t.Errorf("%s: pull secrets %s", o.name(), secrets)
				}
			}
			if deployments != 3*2 {
				t.Errorf("%s, release %s: %d Deployments, want those of three dependencies", name, release, deployments)
			}
		}
	}
}

// A parent chart leaves the user to the platform: with Helm 4, null in its values.yaml is lost.
func TestAParentLeavesTheUserToThePlatform(t *testing.T) {
	dir := parent(t, "  - {name: bookstall, version: \"*\", alias: books}\n", `books: {podSecurityContext: {runAsUser: "", runAsGroup: "", fsGroup: ""}}`)
	for _, name := range []string{"helm", "helm3"} {
		out, err := command(t, nil, tool(t, name), "template", "x", dir, kubeVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"runAsUser", "runAsGroup", "fsGroup:"} {
			if strings.Contains(string(out), field) {
				t.Errorf("%s: a pod has %s", name, field)
			}
		}
		if !strings.Contains(string(out), "runAsNonRoot: true") {
			t.Errorf("%s: pods may run as root", name)
		}
	}
}
