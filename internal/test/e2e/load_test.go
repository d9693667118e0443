//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// rate is the number of calls per second.
const rate = 40

// loadRun is a load in a pod of its own: a port-forward would break with the pod
// it leads to.
type loadRun struct {
	n     *namespace
	pod   string
	rate  int
	least time.Duration
	began time.Time // when the test saw it run
}

// startLoad starts a load on the shop's Service and returns when it runs. The load
// runs until end is called, but at least for the given time.
func (n *namespace) startLoad(t *testing.T, least time.Duration) loadRun {
	t.Helper()
	return n.startLoadAt(t, release, rate, least)
}

// startLoadAt starts a load on the shop of one release. It uses the Service's
// address and not its name: in a drill without DNS, the shop has to manage without
// it, not the load.
func (n *namespace) startLoadAt(t *testing.T, release string, rate int, least time.Duration) loadRun {
	t.Helper()
	run := loadRun{n: n, pod: fmt.Sprintf("load-%x", time.Now().UnixNano()), rate: rate, least: least}
	shop := n.kubectl(t, "get", "service", release+"-marketplace", "-o", "jsonpath={.spec.clusterIP}")
	n.apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {app.kubernetes.io/name: prometheus}} # the network policy lets it read metrics
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: load
      image: bookstall/load:e2e
      imagePullPolicy: Never
      args: [-shop, "http://%[4]s", -replicas-dns, "%[2]s-recommendations:9090", -rate, "%[3]d", -duration, "0", -retry, -json]
      env:
        - name: LOAD_API_TOKEN
          valueFrom: {secretKeyRef: {name: %[2]s-marketplace, key: api-token}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`, run.pod, release, rate, shop))
	n.wait(t, "the load makes calls", func(out string) bool { return strings.Contains(out, "calls:") }, "logs", run.pod, "--tail=5", "--ignore-errors")
	run.began = time.Now()
	return run
}

// outcome is what a load saw.
type outcome struct {
	load.Report

	// base is the number of calls in the load's least time. Limits that are a share
	// of the calls refer to it: a load that had to run longer is allowed no more.
	base int64
}

// end stops the load, not before its least time is over, and returns what it saw.
// Until then the load must not have ended by itself.
func (r loadRun) end(t *testing.T) outcome {
	t.Helper()
	pass(t, time.Until(r.began.Add(r.least)))
	if phase := r.n.kubectl(t, "get", "pod", r.pod, "-o", "jsonpath={.status.phase}"); phase != "Running" {
		t.Fatalf("the load ended before it was told to: pod %s\n%s", cmp.Or(phase, "lost"), r.n.kubectl(t, "logs", r.pod))
	}
	// The kubelet sends SIGTERM to a pod beyond its deadline. Unlike a deleted pod,
	// it keeps its log, which ends with the report.
	r.n.kubectl(t, "patch", "pod", r.pod, "-p", `{"spec":{"activeDeadlineSeconds":1}}`)
	r.n.wait(t, "the load ends", func(out string) bool { return out != "" },
		"get", "pod", r.pod, "-o", "jsonpath={.status.containerStatuses[0].state.terminated.finishedAt}")
	out := strings.TrimSpace(r.n.kubectl(t, "logs", r.pod))
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		o := outcome{base: int64(float64(r.rate) * r.least.Seconds())}
		if err := json.Unmarshal([]byte(line), &o.Report); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		o.log(t)
		return o
	}
	t.Fatalf("no report:\n%s", out)
	return outcome{}
}

func (o outcome) log(t *testing.T) {
	t.Helper()
	t.Log(o.Line())
	if o.Fallback > 0 {
		t.Logf("fallbacks from %.1f s to %.1f s after the start", o.FirstFallback, o.LastFallback)
	}
	if o.MaxLag > 100 {
		t.Logf("the load itself was up to %.0f ms behind: the machine is busy with something else", o.MaxLag)
	}
	for reason, n := range o.Reasons {
		t.Logf("failed %d times: %s", n, reason)
	}
}

// within fails the test if a load saw more than its drill may cost. Nothing may
// fail or be late; a GET that is repeated is counted apart, and allowed only where
// the limits say so.
func within(t *testing.T, o outcome, limits load.Limits) {
	t.Helper()
	if limits.FallbackShare < 1 { // else only the window limits fallbacks
		limits.FallbackShare *= float64(min(o.base, o.Calls)) / float64(o.Calls)
	}
	for _, fault := range o.Beyond(limits) {
		t.Error(fault)
	}
}
