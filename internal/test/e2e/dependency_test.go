//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A chart that has the shop as one of its parts, under another name. Its platform gives users and
// groups, none of them for volumes, and its Secrets were there before.
const (
	parentChart = `
apiVersion: v2
name: site
version: 0.1.0
dependencies:
  - {name: bookstall, version: "*", alias: books, condition: books.enabled}
`
	parentValues = `
books:
  enabled: true
  image: {tag: e2e, pullPolicy: Never}
  podSecurityContext: {runAsUser: 1000680000, runAsGroup: 1000680000, fsGroup: ""}
  podLabels: {example.com/team: books}
  commonAnnotations: {example.com/owner: books}
  ipFamilyPolicy: PreferDualStack
  marketplace: {replicas: 1, existingSecret: shop, logFormat: text}
  recommendations: {replicas: 2}
  postgresql:
    enabled: true
    existingSecret: database
    persistence: {enabled: false}
    # initdb needs the user's name, and the image of tools/postgres.sh has that of one only.
    podSecurityContext: {runAsUser: 65532, runAsGroup: 65532}
    image: {repository: bookstall/postgres, tag: e2e}
  store: {asFile: true}
  train:
    enabled: true
    suspend: true
    args: [--no-measure]
    # Never ends by itself, as a sidecar of a mesh does not.
    extraInitContainers:
      - name: sidecar
        image: bookstall/recommendations:e2e
        imagePullPolicy: Never
        restartPolicy: Always
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`
	// The keys that the chart's README lists; an empty line ends each statement.
	parentSecrets = `
apiVersion: v1
kind: Secret
metadata: {name: shop}
stringData: {cookie-key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", api-token: abcdefghijklmnopqrstuvwxyz}
---
apiVersion: v1
kind: Secret
metadata: {name: database}
stringData:
  admin-password: admin
  url: postgres://bookstall:secret@site-books-postgresql:5432/bookstall?sslmode=disable
  role.sql: |+
    CREATE ROLE bookstall LOGIN PASSWORD 'secret';

    ALTER DATABASE bookstall OWNER TO bookstall;

    ALTER SCHEMA public OWNER TO bookstall;

`
)

// TestAsADependency installs the chart as a dependency with an alias, with a user that is not the
// images' own, in a namespace that enforces the restricted Pod Security Standard. Every kind of pod
// must run: the programs, the database, a job, which ends beside a sidecar, and the pod of helm test.
func TestAsADependency(t *testing.T) {
	n := newNamespace(t)
	n.apply(t, parentSecrets)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "charts", "bookstall"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Chart.yaml": parentChart, "values.yaml": parentValues} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.runHelm(t, "install", "site", dir, "--wait", "--timeout=110s")
	n.runHelm(t, "test", "site", "--timeout=90s")
	if page := n.get(t, "site-books-marketplace:80", "/"); !strings.Contains(page, "For you") {
		t.Errorf("front page:\n%.2000s", page)
	}
	n.kubectl(t, "create", "job", "trained", "--from=cronjob/site-books-train")
	n.kubectl(t, "wait", "--for=condition=complete", "job/trained", "--timeout=110s")

	if users := n.kubectl(t, "get", "pods", "-l", "app.kubernetes.io/instance=site", "-o",
		"jsonpath={range .items[*]}{.metadata.labels.app\\.kubernetes\\.io/component} {.spec.securityContext.runAsUser} {.spec.securityContext.fsGroup}{\"\\n\"}{end}"); users == "" {
		t.Error("no pods")
	} else {
		kinds := map[string]bool{}
		for line := range strings.Lines(users) {
			fields := strings.Fields(line)
			kinds[fields[0]] = true
			want := "1000680000"
			if fields[0] == "postgresql" {
				want = "65532"
			}
			if len(fields) != 2 || fields[1] != want {
				t.Errorf("a pod runs as another user, or has a group for volumes: %s", line)
			}
		}
		if len(kinds) != 4 {
			t.Errorf("pods of %v", kinds)
		}
	}
	n.runHelm(t, "uninstall", "site", "--wait")
	if left := n.kubectl(t, "get", "deployments,statefulsets,cronjobs,services,secrets", "-l", "app.kubernetes.io/instance=site", "-o", "name"); left != "" {
		t.Errorf("left: %s", left)
	}
}
