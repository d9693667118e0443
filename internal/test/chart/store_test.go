package chart

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// storeOf returns the Secret and the key with the URL of a container's store, "" without
// a store.
func storeOf(c object) string {
	for _, env := range c.list("env") {
		if env.text("name") == "RECOMMENDATIONS_STORE" {
			ref := env.at("valueFrom", "secretKeyRef").(map[string]any)
			return ref["name"].(string) + "/" + ref["key"].(string)
		}
	}
	return ""
}

// Recommendations and its jobs use the same store, and no other container has its URL.
func TestStoreIsTheSameForAll(t *testing.T) {
	for set, want := range map[string]string{
		"default": "", "bare": "", "trial": "bookstall-postgresql/url", "database": "books-database/DATABASE_URL",
	} {
		users := 0
		for _, o := range rendered(t, sets(t)[set]...) {
			if o.pod() == nil {
				continue
			}
			for _, c := range o.pod().list("spec", "containers") {
				switch got := storeOf(c); {
				case slices.Contains([]string{"recommendations", "import", "train"}, c.text("name")):
					users++
					if got != want {
						t.Errorf("%s: %s has the store %q, want %q", set, c.text("name"), got, want)
					}
				case got != "":
					t.Errorf("%s: %s has the store %q", set, c.text("name"), got)
				}
			}
		}
		if most := map[string]int{"trial": 3, "database": 2}[set]; users < max(1, most) {
			t.Errorf("%s: %d containers", set, users)
		}
	}
}

func TestDatabasePasswordIsGeneratedOncePerRender(t *testing.T) {
	helm, kubeconfig := tool(t, "helm"), cluster(t)
	seen := map[string]bool{}
	for range 2 {
		out := inCluster(t, helm, kubeconfig, "--set=postgresql.enabled=true,marketplace.existingSecret=x")
		secret := find(t, parse(t, out), "Secret", "bookstall-postgresql")
		password := string(decoded(t, secret.text("data", "password")))
		if !regexp.MustCompile(`^[A-Za-z0-9]{32}$`).MatchString(password) || seen[password] {
			t.Errorf("password %q", password)
		}
		seen[password] = true
		admin := string(decoded(t, secret.text("data", "admin-password")))
		if !regexp.MustCompile(`^[A-Za-z0-9]{32}$`).MatchString(admin) || seen[admin] {
			t.Errorf("password of the superuser %q", admin)
		}
		seen[admin] = true
		// The programs' role owns the database and is no superuser.
		if sql := string(decoded(t, secret.text("data", "role.sql"))); !strings.HasPrefix(sql, "CREATE ROLE bookstall LOGIN PASSWORD '"+password+"';\n\n") ||
			!strings.Contains(sql, "ALTER DATABASE bookstall OWNER TO bookstall;\n\n") || strings.Contains(sql, "SUPERUSER") {
			t.Errorf("SQL of the role: %s", sql)
		}
		want := "postgres://bookstall:" + password + "@bookstall-postgresql.shop.svc.cluster.local.:5432/bookstall?sslmode=disable"
		if url := string(decoded(t, secret.text("data", "url"))); url != want {
			t.Errorf("URL %s, want %s", url, want)
		}
		// Both workloads that use the Secret are replaced when it changes.
		if sums := regexp.MustCompile(`checksum/config: ([0-9a-f]{64})`).FindAllSubmatch(out, -1); len(sums) != 2 ||
			string(sums[0][1]) != sumOf(t, secret["data"]) || string(sums[1][1]) != string(sums[0][1]) {
			t.Errorf("checksums %s", sums)
		}
	}
}

// TestADatabaseOfAnEarlierChart: an upgrade must not replace its pod, which without a volume
// would lose the data. A database of this chart stays as it is too.
func TestADatabaseOfAnEarlierChart(t *testing.T) {
	helm := tool(t, "helm3")
	in := func(kubeconfig string) (secret, database object) {
		t.Helper()
		objects := parse(t, inCluster(t, helm, kubeconfig, "--set=postgresql.enabled=true"))
		return find(t, objects, "Secret", "bookstall-postgresql"), find(t, objects, "StatefulSet", "bookstall-postgresql")
	}
	secret, database := in(cluster(t))
	again, same := in(cluster(t, secret))
	if diff := cmp.Diff(secret["data"], again["data"]) + cmp.Diff(database, same); diff != "" {
		t.Errorf("an upgrade changes the database: %s", diff)
	}
	data := secret.at("data").(map[string]any)
	delete(data, "admin-password")
	delete(data, "role.sql")
	kept, earlier := in(cluster(t, secret))
	if diff := cmp.Diff(secret["data"], kept["data"]); diff != "" {
		t.Errorf("an upgrade from an earlier chart changes the Secret: %s", diff)
	}
	container := earlier.list("spec", "template", "spec", "containers")[0]
	text := compact(t, container)
	for want, there := range map[string]bool{`"name":"POSTGRES_USER","value":"bookstall"`: true, `"key":"password"`: true, "docker-entrypoint": false, "admin": false} {
		if strings.Contains(text, want) != there {
			t.Errorf("%s in the container: %v, want %v: %s", want, !there, there, text)
		}
	}
	for _, v := range earlier.list("spec", "template", "spec", "volumes") {
		if v.text("name") == "role" {
			t.Error("the pod has another volume")
		}
	}
}

func TestTheImageOfTheDatabaseByDigest(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for want, arg := range map[string]string{"postgres:17.6-bookworm": "", "postgres:17.6-bookworm@" + digest: digest} {
		database := find(t, rendered(t, "--set=postgresql.enabled=true,postgresql.image.digest="+arg), "StatefulSet", "bookstall-postgresql")
		if got := database.list("spec", "template", "spec", "containers")[0]["image"]; got != want {
			t.Errorf("image %v, want %s", got, want)
		}
	}
}

// The volume and its password are kept together or removed together.
func TestPasswordStaysWithTheVolume(t *testing.T) {
	for _, persistent := range []string{"true", "false"} {
		objects := parse(t, inCluster(t, tool(t, "helm"), cluster(t), "--set=postgresql.enabled=true,postgresql.persistence.enabled="+persistent))
		kept := find(t, objects, "Secret", "bookstall-postgresql").text("metadata", "annotations", "helm.sh/resource-policy") == "keep"
		claims := find(t, objects, "StatefulSet", "bookstall-postgresql").list("spec", "volumeClaimTemplates")
		if want := persistent == "true"; kept != want || (len(claims) == 1) != want {
			t.Errorf("persistence %s: Secret kept: %v; %d claims", persistent, kept, len(claims))
		}
	}
}

// The key of cookies is kept where the histories of readers are.
func TestCookieKeyStaysWithTheHistories(t *testing.T) {
	for values, want := range map[string]bool{
		"marketplace.recommendationsTarget=dns:///other:50051,recommendations.enabled=false": true,
		"postgresql.enabled=false": false, "store.existingSecret=database": true,
		"postgresql.enabled=true": true, "postgresql.enabled=true,postgresql.persistence.enabled=false": false,
	} {
		objects := parse(t, inCluster(t, tool(t, "helm"), cluster(t), "--set="+values))
		secret := find(t, objects, "Secret", "bookstall-marketplace")
		if kept := secret.text("metadata", "annotations", "helm.sh/resource-policy") == "keep"; kept != want {
			t.Errorf("%s: Secret kept: %v, want %v", values, kept, want)
		}
	}
}

// The database accepts connections from recommendations and its jobs only, and those may
// connect to the port of the store.
func TestNetworkPolicyOfTheStore(t *testing.T) {
	objects := rendered(t, sets(t)["trial"]...)
	in := find(t, objects, "NetworkPolicy", "bookstall-postgresql").list("spec", "ingress")
	want := []object{{
		"from": []any{map[string]any{"podSelector": map[string]any{
			"matchLabels": map[string]any{"app.kubernetes.io/name": "bookstall", "app.kubernetes.io/instance": "bookstall"},
			"matchExpressions": []any{map[string]any{
				"key": "app.kubernetes.io/component", "operator": "In", "values": []any{"recommendations", "import", "train"},
			}},
		}}},
		"ports": []any{map[string]any{"port": 5432, "protocol": "TCP"}},
	}}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}
	for set, port := range map[string]int{"trial": 5432, "database": 6432} {
		objects := rendered(t, sets(t)[set]...)
		for _, component := range []string{"recommendations", "import", "train"} {
			if set == "database" && component == "import" {
				continue
			}
			rule := find(t, objects, "NetworkPolicy", "bookstall-"+component).list("spec", "egress")[0]
			if rule.list("ports")[0]["port"] != port || len(rule.list("to")) != 1 {
				t.Errorf("%s: %s may reach %v", set, component, rule)
			}
		}
	}
}

// A Job is immutable: with another pod it needs another name. With the same pod it must
// keep its name, or each upgrade would import again.
func TestImportJobIsNamedByItsPod(t *testing.T) {
	name := func(args ...string) string {
		for _, o := range rendered(t, append(sets(t)["trial"], args...)...) {
			if o.kind() == "Job" {
				return o.name()
			}
		}
		t.Fatal("no Job")
		return ""
	}
	first := name()
	if again := name("--set=recommendations.replicas=7"); again != first {
		t.Errorf("an upgrade renamed %s to %s", first, again)
	}
	for _, change := range []string{"import.args={--books=/books/other.csv}", "image.tag=other", "import.resources.limits.memory=2Gi"} {
		if other := name("--set=" + change); other == first {
			t.Errorf("%s did not rename %s", change, other)
		}
	}
}

func TestNotesSayWhereDataAreKept(t *testing.T) {
	helm := tool(t, "helm")
	for set, want := range map[string]string{
		"--set=faults=false":            "NO STORE",
		"--set=postgresql.enabled=true": "volume claim data-bookstall-postgresql-0",
		"--set=postgresql.enabled=true,postgresql.persistence.enabled=false": "lost with the pod bookstall-postgresql-0",
		"--set=store.existingSecret=x":                                       "",
	} {
		out, err := command(t, nil, helm, "install", "bookstall", chart, "--namespace=shop", "--dry-run=client", set)
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		_, notes, _ := strings.Cut(string(out), "NOTES:")
		if !strings.Contains(notes, want) || strings.Contains(notes, "NO STORE") != strings.HasPrefix(want, "NO STORE") {
			t.Errorf("%s: the notes are\n%s", set, notes)
		}
	}
}

// The URL of the store as a file: for the Deployment and the jobs, not in their environment.
func TestStoreAsAFile(t *testing.T) {
	for set, key := range map[string]string{"trial": "url", "database": "DATABASE_URL"} {
		users := 0
		for _, o := range rendered(t, append(slices.Clone(sets(t)[set]), "--set=store.asFile=true")...) {
			pod := o.pod()
			if pod == nil {
				continue
			}
			c := pod.list("spec", "containers")[0]
			if !slices.Contains([]string{"recommendations", "import", "train"}, c.text("name")) {
				continue
			}
			users++
			if storeOf(c) != "" || variable(c, "RECOMMENDATIONS_STORE_FILE") != "/etc/bookstall/store/url" || !strings.Contains(compact(t, c["volumeMounts"]), `"/etc/bookstall/store"`) {
				t.Errorf("%s: %s: %v", set, c.text("name"), c)
			}
			if text := compact(t, pod.at("spec", "volumes")); !strings.Contains(text, `{"key":"`+key+`","path":"url"}`) {
				t.Errorf("%s: %s: volumes %s", set, c.text("name"), text)
			}
		}
		if users < 2 {
			t.Errorf("%s: %d pods", set, users)
		}
	}
}
