package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// renderedPod is a pod, or a pod template, of one set of values.
type renderedPod struct {
	from       string
	owner, pod object
}

// pods returns the pods of all sets of values.
func pods(t *testing.T) []renderedPod {
	t.Helper()
	var list []renderedPod
	for set, args := range sets(t) {
		for _, o := range rendered(t, args...) {
			if pod := o.pod(); pod != nil {
				list = append(list, renderedPod{set + "/" + o.kind() + "/" + o.name(), o, pod})
			}
		}
	}
	if len(list) < 10 {
		t.Fatalf("%d pods", len(list))
	}
	return list
}

// The Pod Security Standard restricted, and more.
func TestPodsAreRestricted(t *testing.T) {
	for _, p := range pods(t) {
		t.Run(p.from, func(t *testing.T) {
			var id any = 65532
			if strings.HasPrefix(p.from, "lockeddown/") {
				id = nil // the platform gives one
			}
			for path, want := range map[string]any{
				"spec.automountServiceAccountToken":        false,
				"spec.enableServiceLinks":                  false,
				"spec.securityContext.runAsNonRoot":        true,
				"spec.securityContext.runAsUser":           id,
				"spec.securityContext.runAsGroup":          id,
				"spec.securityContext.seccompProfile.type": "RuntimeDefault",
				"spec.hostNetwork":                         nil,
				"spec.hostPID":                             nil,
				"spec.hostIPC":                             nil,
				"spec.initContainers":                      nil,
			} {
				if got := p.pod.at(strings.Split(path, ".")...); got != want {
					t.Errorf("%s is %v, want %v", path, got, want)
				}
			}
			for _, c := range p.pod.list("spec", "containers") {
				want := map[string]any{
					"allowPrivilegeEscalation": false,
					"readOnlyRootFilesystem":   true,
					"capabilities":             map[string]any{"drop": []any{"ALL"}},
				}
				if diff := cmp.Diff(want, c["securityContext"]); diff != "" {
					t.Errorf("container %v: %s", c["name"], diff)
				}
				for _, p := range c.list("ports") {
					if p["hostPort"] != nil {
						t.Errorf("container %v has a hostPort", c["name"])
					}
				}
			}
			allowed := []string{"name", "emptyDir", "secret", "configMap", "persistentVolumeClaim"} // some of what Pod Security "restricted" admits
			for _, v := range p.pod.list("spec", "volumes") {
				for kind := range v {
					if !slices.Contains(allowed, kind) {
						t.Errorf("volume %v is a %s", v["name"], kind)
					}
				}
			}
		})
	}
}

// A program refuses to start with a variable that it does not know.
// TestEveryPodIsConfined sets user namespaces and an AppArmor profile, which are left to the
// cluster by default.
func TestEveryPodIsConfined(t *testing.T) {
	set := []string{"--set=hostUsers=false,appArmorProfile.type=Localhost,appArmorProfile.localhostProfile=books"}
	profile := map[string]any{"type": "Localhost", "localhostProfile": "books"}
	for _, args := range [][]string{sets(t)["default"], sets(t)["trial"]} {
		for _, confined := range []bool{false, true} {
			n := 0
			for _, o := range rendered(t, append(slices.Clone(args), set[:map[bool]int{true: 1}[confined]]...)...) {
				pod := o.pod()
				if pod == nil {
					continue
				}
				n++
				users, armor := pod.at("spec", "hostUsers"), pod.at("spec", "securityContext", "appArmorProfile")
				if confined && (users != false || !cmp.Equal(armor, any(profile))) || !confined && (users != nil || armor != nil) {
					t.Errorf("%s %s, confined %v: hostUsers %v, AppArmor %v", o.kind(), o.name(), confined, users, armor)
				}
			}
			if n < 3 {
				t.Errorf("%d pods", n)
			}
		}
	}
}

// TestMetricsAreReadFromANamespace checks that no label alone lets a pod read metrics: whoever
// may start a pod somewhere in the cluster chooses its labels.
func TestMetricsAreReadFromANamespace(t *testing.T) {
	for set, namespace := range map[string]string{"default": "monitoring", "production": "observability"} {
		for _, component := range []string{"marketplace", "recommendations"} {
			found := false
			for _, o := range rendered(t, sets(t)[set]...) {
				if o.kind() != "NetworkPolicy" || !strings.HasSuffix(o.name(), "-"+component) {
					continue
				}
				for _, rule := range o.list("spec", "ingress") {
					if rule.list("ports")[0]["port"] != 9090 {
						continue
					}
					for _, from := range rule.list("from") {
						found = true
						if got := from.text("namespaceSelector", "matchLabels", "kubernetes.io/metadata.name"); got != namespace {
							t.Errorf("%s: metrics of %s may be read from %v", set, component, from)
						}
					}
				}
			}
			if !found {
				t.Errorf("%s: nobody may read metrics of %s", set, component)
			}
		}
	}
}

func TestProgramsKnowAllVariables(t *testing.T) {
	known := map[string]bool{}
	for _, program := range []string{"marketplace", "recommendations"} {
		text, err := os.ReadFile(root + "/docs/config/" + program + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\$([A-Z_]+)\)`).FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
		}
	}
	if len(known) < 20 {
		t.Fatalf("docs/config names %d variables", len(known))
	}
	for _, p := range pods(t) {
		t.Run(p.from, func(t *testing.T) {
			for _, c := range p.pod.list("spec", "containers") {
				program := regexp.MustCompile(`/(marketplace|recommendations):`).FindStringSubmatch(c.text("image"))
				if c.text("name") == "postgresql" {
					continue
				}
				if program == nil {
					t.Fatalf("image %v", c["image"])
				}
				seen := map[string]bool{}
				for _, env := range c.list("env") {
					name := env.text("name")
					if seen[name] {
						t.Errorf("%s is set twice", name)
					}
					seen[name] = true
					switch {
					case strings.HasPrefix(name, strings.ToUpper(program[1])+"_"):
						if !known[name] {
							t.Errorf("%s: the program does not know it", name)
						}
					case strings.HasPrefix(name, "OTEL_"), name == "GOMEMLIMIT", name == "MEMORY_LIMIT_MI", name == "SSL_CERT_FILE", strings.HasPrefix(name, "PG"):
					default:
						t.Errorf("%s: no program reads it", name)
					}
				}
				if limited := c.at("resources", "limits", "memory") != nil; seen["GOMEMLIMIT"] != (limited && p.pod.kind() != "Pod") {
					t.Errorf("GOMEMLIMIT is set: %v; memory limit is set: %v", seen["GOMEMLIMIT"], limited)
				}
			}
		})
	}
}

func variable(c object, name string) string {
	for _, env := range c.list("env") {
		if env.text("name") == name {
			return env.text("value")
		}
	}
	return ""
}

func TestGracePeriodIsLongerThanTheDrain(t *testing.T) {
	for _, p := range pods(t) {
		t.Run(p.from, func(t *testing.T) {
			if p.owner.kind() != "Deployment" {
				return
			}
			c := p.pod.list("spec", "containers")[0]
			prefix := strings.ToUpper(c.text("name"))
			var sum time.Duration
			for _, name := range []string{"_DRAIN_DELAY", "_DRAIN_TIMEOUT"} {
				d, err := time.ParseDuration(variable(c, prefix+name))
				if err != nil {
					t.Fatal(err)
				}
				sum += d
			}
			seconds, _ := p.pod.at("spec", "terminationGracePeriodSeconds").(int)
			// Then the admin port, stores and telemetry close.
			if grace := time.Duration(seconds) * time.Second; grace < sum+5*time.Second {
				t.Errorf("grace period %v, drain %v", grace, sum)
			}
			if c["lifecycle"] != nil {
				t.Error("there is a lifecycle hook, but the programs drain on SIGTERM")
			}
		})
	}
}

func TestProbes(t *testing.T) {
	for _, tls := range []bool{false, true} {
		objects := rendered(t, fmt.Sprintf("--set=tls.enabled=%v,tls.secretName=x", tls))
		port := map[bool]int{false: 50051, true: 50052}[tls]
		grpc := map[string]any{"port": port, "service": "recommendations.v1.RecommendationsService"}
		get := func(path string) map[string]any { return map[string]any{"path": path, "port": "metrics"} }
		for program, want := range map[string]map[string]any{
			"recommendations": {"startupProbe.grpc": grpc, "readinessProbe.grpc": grpc, "livenessProbe.httpGet": get("/livez")},
			"marketplace":     {"startupProbe.httpGet": get("/livez"), "readinessProbe.httpGet": get("/readyz"), "livenessProbe.httpGet": get("/livez")},
		} {
			c := find(t, objects, "Deployment", "bookstall-"+program).pod().list("spec", "containers")[0]
			for path, handler := range want {
				if diff := cmp.Diff(handler, c.at(strings.Split(path, ".")...)); diff != "" {
					t.Errorf("TLS %v: %s: %s: %s", tls, program, path, diff)
				}
			}
		}
	}
}

func TestAutoscalerOwnsReplicas(t *testing.T) {
	for _, program := range []string{"marketplace", "recommendations"} {
		for _, on := range []bool{false, true} {
			objects := rendered(t, fmt.Sprintf("--set=%s.autoscaling.enabled=%v", program, on))
			d := find(t, objects, "Deployment", "bookstall-"+program)
			if (d.at("spec", "replicas") == nil) != on {
				t.Errorf("%s: autoscaling %v, replicas %v", program, on, d.at("spec", "replicas"))
			}
			if on {
				hpa := find(t, objects, "HorizontalPodAutoscaler", "bookstall-"+program)
				if hpa.text("spec", "scaleTargetRef", "name") != d.name() || hpa.at("spec", "behavior", "scaleDown") == nil {
					t.Errorf("%s: autoscaler %v", program, hpa["spec"])
				}
			}
			if diff := cmp.Diff(map[string]any{"maxUnavailable": 0, "maxSurge": "25%"}, d.at("spec", "strategy", "rollingUpdate")); diff != "" {
				t.Errorf("%s: %s", program, diff)
			}
		}
	}
}

// The shop must dial the absolute name of the headless Service, which resolves to pods.
func TestTargetIsTheHeadlessService(t *testing.T) {
	for set, args := range sets(t) {
		objects := rendered(t, args...)
		var service, shop object
		for _, o := range objects {
			switch {
			case o.kind() == "Service" && strings.HasSuffix(o.name(), "-recommendations"):
				service = o
			case o.kind() == "Deployment" && strings.HasSuffix(o.name(), "-marketplace"):
				shop = o
			}
		}
		if service == nil || shop == nil {
			continue
		}
		if service.at("spec", "clusterIP") != "None" || service.at("spec", "publishNotReadyAddresses") != false {
			t.Errorf("%s: %v", set, service["spec"])
		}
		target := variable(shop.pod().list("spec", "containers")[0], "MARKETPLACE_RECOMMENDATIONS_TARGET")
		want := regexp.MustCompile("^dns:///" + service.name() + `\.shop\.svc\.[a-z.]+\.:50051$`)
		if !want.MatchString(target) {
			t.Errorf("%s: target %s, want %s", set, target, want)
		}
	}
}

func TestSecretIsGeneratedOncePerRender(t *testing.T) {
	helm, kubeconfig := tool(t, "helm"), cluster(t)
	seen := map[string]bool{}
	for range 2 {
		out := inCluster(t, helm, kubeconfig)
		for key, want := range map[string]string{"cookie-key": `^[0-9a-f]{64}$`, "api-token": `^[A-Za-z0-9]{40}$`} {
			text := string(decoded(t, find(t, parse(t, out), "Secret", "bookstall-marketplace").text("data", key)))
			if !regexp.MustCompile(want).MatchString(text) || seen[text] {
				t.Errorf("%s is %q: want %s, new each time", key, text, want)
			}
			seen[text] = true
		}
		// If it were generated again for the checksum, the first upgrade would replace all pods.
		if sum, secret := checksum(t, out), find(t, parse(t, out), "Secret", "bookstall-marketplace"); sum != sumOf(t, secret["data"]) {
			t.Errorf("the checksum %s is not that of the Secret", sum)
		}
	}
}

// Two releases in one namespace must neither select each other's pods nor have objects
// of the same name.
func TestReleasesDoNotCollide(t *testing.T) {
	helm := tool(t, "helm")
	names := map[string]string{}
	for _, release := range []string{"bookstall", "other", strings.Repeat("long", 12)} {
		out, err := command(t, nil, helm, "template", release, chart, kubeVersion, "--api-versions=monitoring.coreos.com/v1/ServiceMonitor", "--api-versions=monitoring.coreos.com/v1/PrometheusRule")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range parse(t, out) {
			key := o.kind() + "/" + o.name()
			if other, taken := names[key]; taken {
				t.Errorf("%s is in %s and %s", key, other, release)
			}
			names[key] = release
			if len(o.name()) > 63 {
				t.Errorf("%s: the name has %d characters", key, len(o.name()))
			}
			for _, path := range []string{"spec.selector.matchLabels", "spec.selector", "spec.podSelector.matchLabels"} {
				labels, ok := o.at(strings.Split(path, ".")...).(map[string]any)
				if ok && labels["matchLabels"] == nil && labels["app.kubernetes.io/instance"] != release {
					t.Errorf("%s selects %v", key, labels)
				}
			}
		}
	}
}

// The notes are the first thing that a user sees. They must render with all values.
func TestNotesSayHowToOpenTheShop(t *testing.T) {
	helm := tool(t, "helm")
	for set := range sets(t) {
		out, err := command(t, nil, helm, "install", "bookstall", chart, "--namespace=shop", "--dry-run=client", "--values=testdata/"+set+".yaml")
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		_, notes, _ := strings.Cut(string(out), "NOTES:")
		want := "port-forward service/"
		if set == "recommendations" {
			want = "The recommendations service is at dns:///bookstall-recommendations.shop.svc.cluster.local.:50051"
		}
		if !strings.Contains(notes, want) || strings.Contains(notes, "no value") {
			t.Errorf("%s: the notes are\n%s", set, notes)
		}
	}
}

// The rules of a release are about its own series, and are there when helm template is told
// of the version of the kind alone.
func TestRulesAreAboutTheRelease(t *testing.T) {
	out, err := command(t, nil, tool(t, "helm"), "template", "books", chart, kubeVersion, "--namespace=shops", "--api-versions=monitoring.coreos.com/v1")
	if err != nil {
		t.Fatal(err)
	}
	rule := fmt.Sprint(find(t, parse(t, out), "PrometheusRule", "books-bookstall"))
	own := `namespace="shops", service=~"books-bookstall-(marketplace|recommendations)-metrics"`
	if strings.Count(rule, own) < 50 || strings.Contains(rule, `=~".+"`) {
		t.Errorf("%d matchers are %s", strings.Count(rule, own), own)
	}
	find(t, parse(t, out), "ServiceMonitor", "books-bookstall")

	out, err = command(t, nil, tool(t, "helm"), "template", "books", chart, kubeVersion,
		"--api-versions=monitoring.coreos.com/v1", "--api-versions=monitoring.coreos.com/v1/ServiceMonitor")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "kind: PrometheusRule") {
		t.Error("a PrometheusRule for a cluster that has no such kind")
	}
}

// Names that YAML would read as numbers or booleans stay names: of the release, its namespace, and
// everything that values name.
func TestNamesStayStrings(t *testing.T) {
	helm := tool(t, "helm")
	text := func(name, store string, more ...string) string {
		set := strings.NewReplacer("NAME", name).Replace("serviceAccount.name=NAME,tls.secretName=NAME,tls.clientSecretName=NAME,tls.postgresqlSecretName=NAME,tls.serverName=NAME," +
			"marketplace.existingSecret=NAME,marketplace.apiTokensSecret=NAME,marketplace.readerHeader=NAME,marketplace.ingress.className=NAME," +
			"marketplace.ingress.hosts={NAME},marketplace.ingress.tls[0].secretName=NAME,marketplace.httpRoute.parentRefs[0].name=NAME," +
			"imagePullSecrets[0].name=NAME,priorityClassName=NAME,commonLabels.team=NAME,train.timeZone=NAME,otlp.endpoint=http://NAME:4317,nameOverride=NAME," + store)
		args := append([]string{"template", name, chart, "--namespace=" + name, kubeVersion, "--api-versions=monitoring.coreos.com/v1/ServiceMonitor",
			"--set=fullnameOverride=shop,tls.enabled=true,marketplace.trustedProxies={10.0.0.1},marketplace.ingress.enabled=true,marketplace.httpRoute.enabled=true,train.enabled=true,store.asFile=true",
			"--set-string=" + set}, more...)
		out, err := command(t, nil, helm, args...)
		if err != nil {
			t.Fatal(err)
		}
		return compact(t, parse(t, out))
	}
	for store, more := range map[string]string{
		"store.existingSecret=NAME,store.secretKey=NAME":                          "postgresql.enabled=false",
		"postgresql.existingSecret=NAME,postgresql.persistence.storageClass=NAME": "postgresql.enabled=true",
	} {
		want := text("nnn", store, "--set="+more)
		for _, name := range []string{"1e3", "true"} {
			if diff := cmp.Diff(strings.ReplaceAll(want, "nnn", name), text(name, store, "--set="+more)); diff != "" {
				t.Errorf("%s, %s: %s", name, store, diff)
			}
		}
	}
}

// Each dashboard is a ConfigMap that Grafana's sidecar finds, as it is in the folder.
func TestDashboards(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chart, "dashboards", "*.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d dashboards (%v), want 5", len(files), err)
	}
	if out := rendered(t); slices.ContainsFunc(out, func(o object) bool { return strings.Contains(o.name(), "-dashboard-") }) {
		t.Error("dashboards that nobody asked for")
	}
	objects := rendered(t, "--set=dashboards.enabled=true,dashboards.folder=Shops,dashboards.annotations.a=b,dashboards.labels.team=books")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		m := find(t, objects, "ConfigMap", "bookstall-dashboard-"+strings.TrimSuffix(name, ".json"))
		if m.text("metadata", "labels", "grafana_dashboard") != "1" || m.text("metadata", "labels", "team") != "books" {
			t.Errorf("%s: labels %v", name, m.at("metadata", "labels"))
		}
		if m.text("metadata", "annotations", "grafana_folder") != "Shops" || m.text("metadata", "annotations", "a") != "b" {
			t.Errorf("%s: annotations %v", name, m.at("metadata", "annotations"))
		}
		if got := m.text("data", "bookstall-"+name); strings.TrimSpace(got) != strings.TrimSpace(string(text)) {
			t.Errorf("%s: the ConfigMap has another text", name)
		}
	}
	// As values of a release before them: nothing, or what is asked for.
	rendered(t, "--set-json=dashboards=null")
	find(t, rendered(t, "--set-json=dashboards={\"enabled\":true,\"labels\":null,\"annotations\":null,\"folder\":null}"), "ConfigMap", "bookstall-dashboard-shop")
}
