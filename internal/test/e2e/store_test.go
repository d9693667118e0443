//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// database enables the trial PostgreSQL, with the image that tools/postgres.sh makes
// and without a volume: not every cluster has a storage class.
const database = "postgresql.enabled=true,postgresql.persistence.enabled=false," +
	"postgresql.image.repository=bookstall/postgres,postgresql.image.tag=e2e"

const databasePod = release + "-postgresql-0"

// sql runs a statement in the database's pod and returns what psql prints.
func (n *namespace) sql(t *testing.T, statement string) string {
	t.Helper()
	return strings.TrimSpace(n.kubectl(t, "exec", databasePod, "--",
		"psql", "--username=bookstall", "--dbname=bookstall", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atc", statement))
}

// TestStore installs the chart with its database once. Its drills check that what
// readers did is not lost.
func TestStore(t *testing.T) {
	n := newNamespace(t)
	n.install(t, database, "marketplace.requireAPIToken=false", "train.enabled=true", "train.suspend=true")
	shop := n.api(t)
	books := shop.bestsellers(t)

	t.Run("helm test", func(t *testing.T) {
		n.runHelm(t, "test", release, "--timeout=90s")
	})
	t.Run("only replicas and jobs reach the database", func(t *testing.T) { strangers(t, n) })
	t.Run("what readers did survives its replicas", func(t *testing.T) { survives(t, n, shop, books) })
	t.Run("the database cut off for 30 s", func(t *testing.T) { cutOff(t, n, shop, books) })
	t.Run("a model of the CronJob reaches all pods", func(t *testing.T) { trained(t, n) })
	t.Run("an import replaces the demonstration", func(t *testing.T) { imported(t, n, shop) })
	t.Run("uninstall leaves nothing", func(t *testing.T) {
		n.runHelm(t, "uninstall", release, "--wait")
		kinds := "deployments,statefulsets,jobs,cronjobs,services,secrets,configmaps,serviceaccounts," +
			"poddisruptionbudgets,networkpolicies,persistentvolumeclaims"
		n.wait(t, "nothing of the release is left", func(out string) bool { return out == "" },
			"get", kinds, "-l", "app.kubernetes.io/instance="+release, "-o", "name")
	})
}

// bestsellers returns the ids of 50 books.
func (a shopAPI) bestsellers(t *testing.T) (ids []int64) {
	t.Helper()
	var list struct {
		Books []struct{ ID int64 }
	}
	a.get(t, "/books?page_size=50", &list)
	for _, b := range list.Books {
		ids = append(ids, b.ID)
	}
	if len(ids) != 50 {
		t.Fatalf("%d books, want 50", len(ids))
	}
	return ids
}

// strangers lets pods with and without the label of a job try the database's port.
// That the labelled pod succeeds shows that the others fail because of the policy.
func strangers(t *testing.T, n *namespace) {
	t.Helper()
	want := map[string]string{"train": "Succeeded", "marketplace": "Failed", "none": "Failed"}
	for component := range want {
		labels := ""
		if component != "none" {
			labels = fmt.Sprintf("app.kubernetes.io/name: bookstall, app.kubernetes.io/instance: %s, app.kubernetes.io/component: %s", release, component)
		}
		n.apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: stranger-%s, labels: {%s}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  readinessGates: [{conditionType: example.com/never}] # the Service must not send it calls
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: stranger
      image: bookstall/postgres:e2e
      imagePullPolicy: Never
      command: [pg_isready, --host=%s-postgresql, --timeout=5]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`, component, labels, release))
	}
	for component, phase := range want {
		var got string
		n.wait(t, "pod stranger-"+component+" has ended", func(out string) bool { got = out; return out == "Succeeded" || out == "Failed" },
			"get", "pod", "stranger-"+component, "-o", "jsonpath={.status.phase}")
		if got != phase {
			t.Errorf("pod stranger-%s ended as %s, want %s", component, got, phase)
		}
		n.kubectl(t, "delete", "pod", "stranger-"+component, "--wait=false")
	}
}

// survives writes through the shop's API, replaces all replicas, first in a rollout
// and then at once, and checks that shelves and histories stay the same.
func survives(t *testing.T, n *namespace, shop shopAPI, books []int64) {
	t.Helper()
	readers := []int64{900_001, 900_002, 900_003}
	versions := map[int64]int64{}
	for i, book := range books[:12] {
		reader := readers[i%len(readers)]
		versions[reader] = shop.write(t, interaction{ID: fmt.Sprint("kept-", i), UserID: reader, BookID: book, Kind: "like"})
	}
	known := func(replicas []string) map[int64]string {
		all := map[int64]string{}
		for _, r := range readers {
			all[r] = shop.agreement(t, r, versions[r], replicas) + shop.history(t, r, versions[r])
		}
		return all
	}
	replicas := n.pods(t, "recommendations")
	before := known(replicas)
	if before[readers[0]] == before[readers[1]] {
		t.Errorf("two readers who like different books have the same shelf and history: %s", before[readers[0]])
	}
	same := func(after string) {
		fresh := n.pods(t, "recommendations")
		if len(fresh) != len(replicas) || slices.ContainsFunc(fresh, func(p string) bool { return slices.Contains(replicas, p) }) {
			t.Fatalf("%s: replicas %v, before %v: want others", after, fresh, replicas)
		}
		replicas = fresh
		now := known(fresh)
		for r, want := range before {
			if now[r] != want {
				t.Errorf("%s: reader %d has %s, had %s", after, r, now[r], want)
			}
		}
	}

	running := n.startLoad(t, 45*time.Second)
	n.kubectl(t, "rollout", "restart", "deployment/"+release+"-recommendations")
	n.settled(t, "recommendations")
	within(t, running.end(t), load.Planned())
	same("after a rollout")

	n.kubectl(t, append([]string{"delete", "pod"}, replicas...)...)
	n.settled(t, "recommendations")
	shop.fullAgain(t)
	same("after all replicas were deleted at once")
}

// fullAgain waits until all pods of the shop get shelves from the replicas again.
func (a shopAPI) fullAgain(t *testing.T) {
	t.Helper()
	until(t, patience, "a replica answers the shop", func() bool {
		var s shelf
		a.get(t, "/recommendations?user_id=1", &s)
		return s.ServedBy != ""
	})
	pass(t, backWithin) // the other pods of the shop, and the other replicas, may take that long
}

// cutOff cuts the database off the network for 30 s, while readers read and write.
func cutOff(t *testing.T, n *namespace, shop shopAPI, books []int64) {
	t.Helper()
	const away, settle = 30 * time.Second, 10 * time.Second
	const enough = 20 // writes of each phase
	const policy = "networkpolicy/" + release + "-postgresql"
	ingress := n.kubectl(t, "get", policy, "-o", "jsonpath={.spec.ingress}")
	running := n.startLoad(t, 65*time.Second)
	w := shop.startWriter(t, "cut", 100*time.Millisecond, books)
	until(t, patience, "the shop answers writes", func() bool { return len(w.since(time.Time{})) > enough })

	event := time.Now()
	n.kubectl(t, "patch", policy, "--type=merge", "-p", `{"spec":{"ingress":[]}}`)
	// A policy does not end open connections. None comes back once it is in force.
	quiet := 0
	until(t, bound{"cutWithin", away}, "the database has no more connections", func() bool {
		left := n.sql(t, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
		if quiet++; left != "0" {
			quiet = 0
		}
		return quiet == 6 // for a second
	})
	gone := time.Now()
	pass(t, away)
	back := time.Now()
	n.kubectl(t, "patch", policy, "--type=merge", "-p", `{"spec":{"ingress":`+ingress+`}}`)

	until(t, patience, "writes are answered after the database is back", func() bool { return len(w.since(back.Add(settle))) > enough })
	acknowledged := w.acknowledged(t)
	within(t, running.end(t), load.Planned()) // reads need no database

	counts := map[string]int{}
	var again time.Duration
	for _, a := range w.since(time.Time{}) {
		var during string
		switch {
		case a.sent.Before(event):
			during = "before"
		case a.sent.After(gone) && a.sent.Add(a.took).Before(back):
			during = "without"
		case a.sent.After(back.Add(settle)):
			during = "after"
		default:
			during = "between"
		}
		counts[fmt.Sprintf("%s: %d", during, a.status)]++
		if want := map[string]int{"before": http.StatusCreated, "without": http.StatusServiceUnavailable, "after": http.StatusCreated}[during]; want != 0 && a.status != want ||
			a.status != http.StatusCreated && a.status != http.StatusServiceUnavailable {
			t.Errorf("%s, %.1f s after the cut: write %s: status %d, %v", during, a.sent.Sub(event).Seconds(), a.ID, a.status, a.err)
		}
		if done := a.sent.Add(a.took); a.status == http.StatusCreated && done.After(back) && (again == 0 || done.Sub(back) < again) {
			again = done.Sub(back)
		}
		if a.took > 3*time.Second {
			t.Errorf("write %s took %v", a.ID, a.took)
		}
	}
	t.Logf("writes: %v; the first one stored again %.1f s after the database was back", counts, again.Seconds())
	for _, phase := range []string{"before: 201", "without: 503", "after: 201"} {
		if counts[phase] < enough {
			t.Errorf("%d writes %s, want at least %d", counts[phase], phase, enough)
		}
	}

	stored := strings.Fields(n.sql(t, "SELECT id FROM interactions WHERE id LIKE 'cut-%'"))
	slices.Sort(stored)
	lost := 0
	for _, id := range acknowledged {
		if _, ok := slices.BinarySearch(stored, id); !ok {
			lost++
		}
	}
	t.Logf("%d acknowledged, %d stored, %d lost", len(acknowledged), len(stored), lost)
	if lost > 0 {
		t.Errorf("%d acknowledged writes are lost", lost)
	}
}

// modelOf returns the version of the model that a replica uses.
func (n *namespace) modelOf(t *testing.T, pod string) string {
	t.Helper()
	text := n.kubectl(t, "get", "--raw", n.ofPod(pod, "9090", "/metrics"))
	m := regexp.MustCompile(`(?m)^recommendations_model_info\{model="([^"]+)"\} 1$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s has no metric that names its model", pod)
	}
	return m[1]
}

// finished waits until a Job is complete and returns its log.
func (n *namespace) finished(t *testing.T, job string) string {
	t.Helper()
	n.kubectl(t, "wait", "--for=condition=Complete", "job/"+job, "--timeout=90s")
	return n.kubectl(t, "logs", "job/"+job)
}

// trained runs the CronJob at once and checks that all replicas use its model.
func trained(t *testing.T, n *namespace) {
	t.Helper()
	replicas := n.pods(t, "recommendations")
	before := n.modelOf(t, replicas[0])
	n.kubectl(t, "create", "job", "--from=cronjob/"+release+"-train", "train-now")
	out := n.finished(t, "train-now")
	m := regexp.MustCompile(`model (\S+), \d+ bytes, is active`).FindStringSubmatch(out)
	if m == nil || m[1] == before {
		t.Fatalf("the job must activate another model than %s; its log:\n%s", before, out)
	}
	done := time.Now()
	for _, pod := range replicas {
		n.wait(t, pod+" uses model "+m[1], func(out string) bool { return strings.Contains(out, m[1]) },
			"get", "--raw", n.ofPod(pod, "9090", "/metrics"))
		if got := n.modelOf(t, pod); got != m[1] {
			t.Errorf("%s uses %s, want %s", pod, got, m[1])
		}
	}
	t.Logf("all %d replicas use model %s, %.1f s after the job", len(replicas), m[1], time.Since(done).Seconds())
	if after := n.pods(t, "recommendations"); !slices.Equal(after, replicas) {
		t.Errorf("the pods are %v, before %v", after, replicas)
	}
}

// imported replaces the catalogue with an upgrade that creates the import Job.
func imported(t *testing.T, n *namespace, shop shopAPI) {
	t.Helper()
	const title = "A Catalogue of One's Own"
	books, ratings := "book_id,title,author,year,categories,popularity\n", "user_id,book_id,rating\n"
	for i := 1; i <= 40; i++ {
		books += fmt.Sprintf("%d,%s %d,Somebody,2001,fiction,%d\n", i, title, i, 1000-i)
		for reader := 1; reader <= 30; reader++ {
			if (i+reader)%3 == 0 {
				ratings += fmt.Sprintf("%d,%d,5\n", reader, i)
			}
		}
	}
	data, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]string{"name": "books"},
		"data": map[string]string{"books.csv": books, "ratings.csv": ratings},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.apply(t, string(data))
	state := func() string {
		return n.kubectl(t, "get", "pods", "-l", "app.kubernetes.io/component in (marketplace,recommendations,postgresql)", "--sort-by=.metadata.name",
			"-o", `jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount}{"\n"}{end}`)
	}
	password := func() string {
		return n.kubectl(t, "get", "secret", release+"-postgresql", "-o", "jsonpath={.data}")
	}
	pods, secret := state(), password()

	// --drop-demo: readers of the tests before liked books of the demonstration, which
	// go with it.
	values := map[string]string{
		"import.enabled":           "true",
		"import.args":              `["--books=/books/books.csv","--ratings=/books/ratings.csv","--strict","--drop-demo","--train"]`,
		"import.extraVolumes":      `[{"name":"books","configMap":{"name":"books"}}]`,
		"import.extraVolumeMounts": `[{"name":"books","mountPath":"/books","readOnly":true}]`,
	}
	upgrade := []string{"upgrade", release, chart, "--reuse-values", "--wait", "--timeout=90s"}
	for _, path := range slices.Sorted(maps.Keys(values)) {
		upgrade = append(upgrade, "--set-json="+path+"="+values[path])
	}
	n.runHelm(t, upgrade...)
	job := strings.TrimSpace(n.kubectl(t, "get", "jobs", "-l", "app.kubernetes.io/component=import", "-o", "jsonpath={.items[*].metadata.name}"))
	t.Logf("\n%s", n.finished(t, job))
	done := time.Now()

	until(t, patience, "the shop lists the 40 new books", func() bool {
		var list struct {
			Books []struct{ Title string }
		}
		shop.get(t, "/books?page_size=100", &list)
		return len(list.Books) == 40 && strings.HasPrefix(list.Books[0].Title, title)
	})
	t.Logf("the shop lists the new catalogue %.1f s after the job", time.Since(done).Seconds())
	// Each pod of the shop refreshes its catalogue every 30 s.
	for _, pod := range n.pods(t, "marketplace") {
		n.wait(t, "the front page of "+pod+" shows the new catalogue", func(out string) bool { return strings.Contains(out, "Catalogue of One") },
			"get", "--raw", n.ofPod(pod, "8080", "/"))
	}
	t.Logf("each of its pods shows it %.1f s after the job", time.Since(done).Seconds())
	var s shelf
	if shop.get(t, "/recommendations?user_id=1&max_results=5", &s); s.Source != "personal" || len(s.Recommendations) != 5 {
		t.Errorf("shelf of a reader with ratings: %+v", s)
	}
	if after := state(); after != pods {
		t.Errorf("pods were restarted or replaced:\n%s\nbefore:\n%s", after, pods)
	}
	if password() != secret {
		t.Error("the upgrade changed the password")
	}
	// The same upgrade again creates no other Job.
	n.runHelm(t, upgrade...)
	if again := strings.TrimSpace(n.kubectl(t, "get", "jobs", "-l", "app.kubernetes.io/component=import", "-o", "jsonpath={.items[*].metadata.name}")); again != job {
		t.Errorf("jobs after the second upgrade: %s, before: %s", again, job)
	}
}
