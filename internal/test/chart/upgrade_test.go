package chart

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withValues returns a copy of the chart whose values.yaml is another: what helm upgrade
// --reuse-values renders is the chart with the values of the release.
func withValues(t *testing.T, file string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bookstall")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Values of 0.1.0, in testdata/released, have none of the names that came later. With
// --reuse-values they render as today's do, and with --reset-then-reuse-values, where they are
// what a user set, too.
func TestUpgradesFromTheValuesOfAnEarlierChart(t *testing.T) {
	const values = "testdata/released/values.yaml"
	old := withValues(t, values)
	for _, name := range []string{"helm", "helm3"} {
		helm := tool(t, name)
		for _, set := range []string{
			"tls.enabled=true,tls.secretName=x,marketplace.ingress.enabled=true,marketplace.ingress.hosts={a.b}",
			"postgresql.enabled=true,import.enabled=true,import.args={--books=x},train.enabled=true,train.podAnnotations.a=b",
			"store.existingSecret=x,podSecurityContext.runAsUser=null,podSecurityContext.fsGroup=null",
		} {
			in := func(dir string, more ...string) []object {
				t.Helper()
				args := append([]string{"template", "bookstall", dir, "--namespace=shop", kubeVersion, "--api-versions=monitoring.coreos.com/v1/ServiceMonitor", "--set=" + set}, more...)
				out, err := command(t, nil, helm, args...)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, set, err)
				}
				return parse(t, out)
			}
			// Its pods of any namespace could read metrics, which is no new name.
			want := in(chart, "--set-json=networkPolicy.metricsFrom="+`[{"namespaceSelector":{},"podSelector":{"matchLabels":{"app.kubernetes.io/name":"prometheus"}}}]`)
			if diff := cmp.Diff(want, in(old)); diff != "" {
				t.Errorf("%s, %s: --reuse-values differs: %s", name, set, diff)
			}
			if diff := cmp.Diff(want, in(chart, "--values="+values)); diff != "" {
				t.Errorf("%s, %s: --reset-then-reuse-values differs: %s", name, set, diff)
			}
		}
	}
}
