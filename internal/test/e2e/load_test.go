//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// rate is the arrival of calls, a second.
const rate = 40

// loadRun is a load in a pod of its own: a port-forward would die with the pod
// that it leads to.
type loadRun struct {
	n   *namespace
	pod string
}

// startLoad makes a load at the shop's Service and returns when it is running.
func (n *namespace) startLoad(t *testing.T, length time.Duration) loadRun {
	t.Helper()
	return n.startLoadAt(t, release, rate, length)
}

// startLoadAt makes a load at the shop of one release. It comes by the Service's
// address, so that it is the shop that has to do without DNS and not the load.
func (n *namespace) startLoadAt(t *testing.T, release string, rate int, length time.Duration) loadRun {
	t.Helper()
	run := loadRun{n: n, pod: fmt.Sprintf("load-%x", time.Now().UnixNano())}
	shop := n.kubectl(t, "get", "service", release+"-marketplace", "-o", "jsonpath={.spec.clusterIP}")
	n.apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {app.kubernetes.io/name: prometheus}} # which may read metrics
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: load
      image: bookstall/load:e2e
      imagePullPolicy: Never
      args: [-shop, "http://%[5]s", -replicas-dns, "%[2]s-recommendations:9090", -rate, "%[3]d", -duration, "%[4]s", -retry, -json]
      env:
        - name: LOAD_API_TOKEN
          valueFrom: {secretKeyRef: {name: %[2]s-marketplace, key: api-token}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`, run.pod, release, rate, length, shop))
	n.wait(t, "the load makes calls", func(out string) bool { return strings.Contains(out, "calls:") }, "logs", run.pod, "--tail=5", "--ignore-errors")
	return run
}

// report waits for the end of the load and returns what it saw.
func (r loadRun) report(t *testing.T) load.Report {
	t.Helper()
	r.n.wait(t, "the load ends", func(out string) bool { return out == "Succeeded" || out == "Failed" },
		"get", "pod", r.pod, "-o", "jsonpath={.status.phase}")
	out := strings.TrimSpace(r.n.kubectl(t, "logs", r.pod))
	lines := strings.Split(out, "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "{") {
			var report load.Report
			if err := json.Unmarshal([]byte(line), &report); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			t.Log(report.Line())
			if report.Fallback > 0 {
				t.Logf("fell back from %.1f s to %.1f s after the start", report.FirstFallback, report.LastFallback)
			}
			if report.MaxLag > 100 {
				t.Logf("the load itself was up to %.0f ms behind: the machine is busy with something else", report.MaxLag)
			}
			for reason, n := range report.Reasons {
				t.Logf("failed %d times: %s", n, reason)
			}
			return report
		}
	}
	t.Fatalf("no report:\n%s", out)
	return load.Report{}
}

// within holds a report to what its drill may cost. Nothing may fail or be late; a
// GET that is repeated is counted apart, and allowed only where the limits say so.
func within(t *testing.T, r load.Report, limits load.Limits) {
	t.Helper()
	for _, fault := range r.Beyond(limits) {
		t.Error(fault)
	}
}
