//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
	"bookstall/internal/otlpsink"
)

// TestObserved has a Prometheus scrape a release and a receiver of traces take its
// spans.
func TestObserved(t *testing.T) {
	n := newNamespace(t)
	n.serviceMonitors(t)
	n.apply(t, fmt.Sprintf(sinkManifest, n.container("otlpsink", "bookstall/otlpsink:e2e", "")))
	n.install(t, "serviceMonitor.interval=1s", "otlp.endpoint=http://otlpsink."+n.name+".svc.cluster.local.:4317")
	n.kubectl(t, "wait", "pod/otlpsink", "--for=condition=Ready", "--timeout=60s")
	t.Run("Prometheus", func(t *testing.T) { scraped(t, n) })
	t.Run("one trace", func(t *testing.T) { traced(t, n) })
}

const sinkManifest = `
apiVersion: v1
kind: Service
metadata: {name: otlpsink}
spec:
  selector: {app: otlpsink}
  ports: [{port: 4317}]
---
apiVersion: v1
kind: Pod
metadata: {name: otlpsink, labels: {app: otlpsink}}
%s`

// container returns the spec of a pod with one container.
func (n *namespace) container(name, image, more string) string {
	return fmt.Sprintf(`spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: %s
      image: %s
      imagePullPolicy: Never
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
%s`, name, image, more)
}

// serviceMonitors defines the kind ServiceMonitor until the end of the test, unless
// the cluster has it from a Prometheus operator.
func (n *namespace) serviceMonitors(t *testing.T) {
	t.Helper()
	const kind = "customresourcedefinition/servicemonitors.monitoring.coreos.com"
	if _, err := n.try(t.Context(), "kubectl", "get", kind); err == nil {
		return
	}
	t.Cleanup(func() { n.kubectl(t, "delete", kind) })
	n.apply(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)
	n.kubectl(t, "wait", kind, "--for=condition=Established", "--timeout=30s")
}

// prometheus starts a Prometheus in a pod with a label. It stands for a Prometheus
// operator: it finds what the release's ServiceMonitor names by DNS, and scrapes it.
func (n *namespace) prometheus(t *testing.T, name, label string) {
	t.Helper()
	var monitor struct {
		Spec struct {
			Selector  struct{ MatchLabels map[string]string }
			Endpoints []struct{ Port, Interval string }
		}
	}
	n.decode(t, &monitor, "get", "servicemonitor", release, "-o", "json")
	var labels []string
	for k, v := range monitor.Spec.Selector.MatchLabels {
		labels = append(labels, k+"="+v)
	}
	var services struct {
		Items []struct {
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Spec struct {
				Ports []struct {
					Name string
					Port int
				}
			}
		}
	}
	n.decode(t, &services, "get", "services", "-l", strings.Join(labels, ","), "-o", "json")
	var jobs strings.Builder
	for _, endpoint := range monitor.Spec.Endpoints {
		for _, s := range services.Items {
			for _, p := range s.Spec.Ports {
				if p.Name == endpoint.Port {
					fmt.Fprintf(&jobs, `
      - job_name: %s
        scrape_interval: %[2]s
        scrape_timeout: %[2]s
        dns_sd_configs: [{names: [%[3]s.%[4]s.svc.cluster.local.], type: A, port: %[5]d, refresh_interval: 2s}]`,
						s.Metadata.Labels["app.kubernetes.io/component"], endpoint.Interval, s.Metadata.Name, n.name, p.Port)
				}
			}
		}
	}
	n.apply(t, fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: %[1]s}
data:
  prometheus.yml: |
    scrape_configs:%[3]s
---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {app.kubernetes.io/name: %[2]s}}
%[4]s`, name, label, jobs.String(), n.container("prometheus", "bookstall/prometheus:e2e", fmt.Sprintf(`
      args: [--config.file=/etc/prometheus/prometheus.yml, --storage.tsdb.path=/data, "--web.listen-address=:9090"]
      readinessProbe: {httpGet: {path: /-/ready, port: 9090}, periodSeconds: 1}
      volumeMounts: [{name: config, mountPath: /etc/prometheus}, {name: data, mountPath: /data}]
  volumes: [{name: config, configMap: {name: %s}}, {name: data, emptyDir: {}}]
`, name))))
	n.kubectl(t, "wait", "pod/"+name, "--for=condition=Ready", "--timeout=60s")
}

// decode parses the JSON that a kubectl command prints.
func (n *namespace) decode(t *testing.T, to any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(n.kubectl(t, args...)), to); err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
}

// query runs a query on a Prometheus and returns the value of each instance.
func (n *namespace) query(t *testing.T, prometheus, query string) map[string]float64 {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric struct{ Instance string }
				Value  [2]any // time, value
			}
		}
	}
	n.decode(t, &answer, "get", "--raw", n.ofPod(prometheus, "9090", "/api/v1/query?query="+url.QueryEscape(query)))
	values := map[string]float64{}
	for _, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		values[r.Metric.Instance] = v
	}
	return values
}

// observeWithin is how long Prometheus and the receiver of traces may take to show
// what has happened.
var observeWithin = bound{"observeWithin", 30 * time.Second}

const shelvesQuery = `sum(grpc_server_call_duration_seconds_count{job="recommendations", grpc_status="OK", ` +
	`grpc_method=~".*RecommendationsService/(Recommend|SimilarBooks)"})`

// scraped compares what Prometheus shows with the pods and with a load.
func scraped(t *testing.T, n *namespace) {
	t.Helper()
	var pods struct{ Items []pod }
	n.decode(t, &pods, "get", "pods", "-l", "app.kubernetes.io/instance="+release, "-o", "json")
	if len(pods.Items) != 5 {
		t.Fatalf("%d pods, want 5", len(pods.Items))
	}
	n.prometheus(t, "prometheus", "prometheus")
	n.prometheus(t, "stranger", "somebody")
	allAre := func(who string, want float64) func() bool {
		return func() bool {
			up := n.query(t, who, "up")
			for _, p := range pods.Items {
				if v, known := up[p.Status.PodIP+":9090"]; !known || v != want {
					return false
				}
			}
			return len(up) == len(pods.Items)
		}
	}
	if !poll(t, observeWithin, allAre("prometheus", 1)) {
		t.Fatalf("not within %v: every pod is up for Prometheus; up: %v", observeWithin, n.query(t, "prometheus", "up"))
	}
	if !poll(t, observeWithin, allAre("stranger", 0)) {
		t.Fatalf("not within %v: no pod is up for a Prometheus without the label that the network policy asks for; up: %v",
			observeWithin, n.query(t, "stranger", "up"))
	}
	n.kubectl(t, "delete", "pod", "stranger", "--wait=false")

	before := n.query(t, "prometheus", shelvesQuery)[""]
	r := n.startLoad(t, 15*time.Second).end(t)
	within(t, r, load.Planned())
	var counted int64
	for _, p := range r.Replicas {
		counted += p.Calls
	}
	if counted != asked(r) {
		t.Errorf("the replicas counted %d calls of the load, which made %d", counted, asked(r))
	}
	var got float64
	want := float64(asked(r) + 1) // one for the load's first look at the front page
	if !poll(t, observeWithin, func() bool { got = n.query(t, "prometheus", shelvesQuery)[""] - before; return got == want }) {
		t.Fatalf("not within %v: Prometheus counts %.0f calls for shelves; it counts %.0f", observeWithin, want, got)
	}
	t.Logf("%d pods are up; Prometheus counts all %.0f calls for shelves", len(pods.Items), got)
}

// forward forwards a port of this machine to a Service until the test ends, and
// returns the address.
func (n *namespace) forward(t *testing.T, service, port string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, "kubectl", "--namespace="+n.name, "port-forward", "service/"+service, ":"+port)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	rest, found := strings.CutPrefix(line, "Forwarding from ")
	address, _, _ := strings.Cut(rest, " ")
	if err != nil || !found {
		t.Fatalf("kubectl port-forward: %v: %q", err, line)
	}
	return address
}

// traced sends one request with a trace id of its own and looks for that trace,
// and for the request id in both services' logs.
func traced(t *testing.T, n *namespace) {
	t.Helper()
	id := fmt.Sprintf("%016x", time.Now().UnixNano())
	trace, caller, requestID := id+id, id, "e2e-"+id
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.forward(t, release+"-marketplace", "http")+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", "00-"+trace+"-"+caller+"-01")
	req.Header.Set("X-Request-ID", requestID)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("front page: %s, %v", resp.Status, err)
	}
	if got := resp.Header.Get("X-Request-ID"); got != requestID {
		t.Errorf("X-Request-ID is %q, want %q", got, requestID)
	}

	var spans []otlpsink.Span
	var server, client, replica *otlpsink.Span
	exported := poll(t, observeWithin, func() bool {
		spans, server, client, replica = n.spans(t, trace), nil, nil, nil
		for i, s := range spans {
			switch {
			case s.Service == "marketplace" && s.Kind == "server":
				server = &spans[i]
			case s.Service == "marketplace" && s.Kind == "client":
				client = &spans[i]
			case s.Service == "recommendations" && s.Kind == "server":
				replica = &spans[i]
			}
		}
		return server != nil && client != nil && replica != nil
	})
	if !exported {
		t.Fatalf("not within %v: the receiver has the whole trace; its spans: %+v", observeWithin, spans)
	}
	for _, s := range spans {
		t.Logf("%s %s of %s, %s, child of %s", s.Kind, s.Name, s.Instance, s.ID, s.Parent)
	}
	if server.Parent != caller || !below(spans, *client, server.ID) || replica.Parent != client.ID {
		t.Errorf("a span has the wrong parent; the caller's span is %s", caller)
	}
	for _, component := range []string{"marketplace", "recommendations"} {
		var lines []line
		for _, pod := range n.pods(t, component) {
			for _, l := range n.lines(t, pod) {
				if l.RequestID == requestID {
					lines = append(lines, l)
				}
			}
		}
		if len(lines) != 1 || lines[0].TraceID != trace {
			t.Errorf("log lines of %s with the request id: %+v, want one, with the trace id", component, lines)
		}
	}
}

// below reports whether a span is a descendant of another.
func below(spans []otlpsink.Span, s otlpsink.Span, ancestor string) bool {
	for range spans {
		if s.Parent == ancestor {
			return true
		}
		for _, p := range spans {
			if p.ID == s.Parent {
				s = p
				break
			}
		}
	}
	return false
}

// spans returns the spans of a trace that the receiver has.
func (n *namespace) spans(t *testing.T, trace string) (list []otlpsink.Span) {
	t.Helper()
	for text := range strings.Lines(n.kubectl(t, "logs", "otlpsink")) {
		var s otlpsink.Span
		if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &s) == nil && s.TraceID == trace {
			list = append(list, s)
		}
	}
	return list
}
