//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// fault puts faults on one pod over its admin port, by way of the API server.
func (n *namespace) fault(t *testing.T, pod, faults string) {
	t.Helper()
	if err := n.tryFault(t, pod, faults); err != nil {
		t.Fatal(err)
	}
}

func (n *namespace) tryFault(t *testing.T, pod, faults string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fault.json")
	if err := os.WriteFile(file, []byte(faults), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := n.try(t.Context(), "kubectl", "replace", "--raw", n.ofPod(pod, "9090", "/debug/fault"), "-f", file)
	return err
}

// TestFaults makes one replica misbehave at a time, under load.
func TestFaults(t *testing.T) {
	n := newNamespace(t)
	n.install(t, "faults=true")
	replicas := "deployment/" + release + "-recommendations"

	t.Run("a replica is not ready", func(t *testing.T) {
		sick := n.pods(t, "recommendations")[0]
		running := n.startLoad(t, 25*time.Second)
		n.fault(t, sick, `{"unready":true}`)
		n.wait(t, "the pod is not ready", func(out string) bool { return out == "2" }, "get", replicas, "-o", "jsonpath={.status.readyReplicas}")
		n.fault(t, sick, `{}`)
		n.kubectl(t, "rollout", "status", replicas, "--timeout=60s")
		within(t, running.report(t), load.Planned())
	})
	for _, sick := range []struct{ name, faults, reason string }{
		{"a replica hangs", `{"hang":true}`, "timeouts"},
		{"a replica fails every call", `{"error_share":1,"code":"INTERNAL"}`, "errors"},
		{"a replica is slow", `{"delay":"150ms"}`, "slow"},
	} {
		t.Run(sick.name, func(t *testing.T) {
			pod := n.pods(t, "recommendations")[0]
			before := n.ejections(t, sick.reason)
			running := n.startLoad(t, 25*time.Second)
			event := time.Now()
			n.fault(t, pod, sick.faults)
			r := running.report(t)
			n.fault(t, pod, `{}`)
			within(t, r, load.Unplanned(event))
			if n.ejections(t, sick.reason) == before {
				t.Errorf("no shop's pod ejected it for its %s", sick.reason)
			}
		})
	}
	t.Run("the process of a replica dies", func(t *testing.T) {
		event, r := dies(t, n, "recommendations")
		within(t, r, load.Unplanned(event))
	})
	t.Run("the process of a marketplace pod dies", func(t *testing.T) {
		event, r := dies(t, n, "marketplace")
		// Until the kubelet has seen it, the Service goes on sending half of the new
		// connections to an address where nobody listens, the repeated one too. The
		// shop cannot do anything about that; anything but a refusal is its fault.
		limits := repeated(r, event)
		limits.Failed = min(r.Calls/100, r.Reasons["connection refused"])
		within(t, r, limits)
	})
}

// ejections is how often the shop's pods ejected a replica.
func (n *namespace) ejections(t *testing.T, reason string) (sum float64) {
	t.Helper()
	for _, pod := range n.pods(t, "marketplace") {
		sum += n.metric(t, pod, "discovery_ejections_total", `reason="`+reason+`"`)
	}
	return sum
}

// repeated are the limits of a shop's pod that is lost without a warning: what was
// under way is lost with it, and a browser repeats it once.
func repeated(r load.Report, event time.Time) load.Limits {
	limits := load.Unplanned(event)
	limits.Retried = r.Calls / 50
	return limits
}

// dies ends the process of one pod, under load, and returns when.
func dies(t *testing.T, n *namespace, component string) (event time.Time, r load.Report) {
	t.Helper()
	sick := n.pods(t, component)[0]
	running := n.startLoad(t, 25*time.Second)
	event = time.Now()
	// It may die before its answer is through; the restart below is the proof.
	if err := n.tryFault(t, sick, `{"exit":1}`); err != nil {
		t.Log(err)
	}
	n.wait(t, "the container was started again", func(out string) bool { return out == "1" },
		"get", "pod", sick, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
	r = running.report(t)
	n.settled(t, component)
	return event, r
}

// TestUpgradeAndRollback changes the images under load, and back.
func TestUpgradeAndRollback(t *testing.T) {
	n := newNamespace(t)
	n.install(t)
	cookieKey := func() string {
		return n.kubectl(t, "get", "secret", release+"-marketplace", "-o", "jsonpath={.data.cookie-key}")
	}
	before := cookieKey()
	running := n.startLoad(t, 100*time.Second)
	n.runHelm(t, "upgrade", release, chart, "--reuse-values", "--set=image.tag=e2e-next", "--wait", "--timeout=100s")
	image := func() string {
		return n.kubectl(t, "get", "deployments", "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}")
	}
	if got := image(); strings.Count(got, ":e2e-next") != 2 {
		t.Errorf("after the upgrade: %s", got)
	}
	n.runHelm(t, "rollback", release, "1", "--wait", "--timeout=100s")
	if got := image(); strings.Contains(got, "e2e-next") {
		t.Errorf("after the rollback: %s", got)
	}
	within(t, running.report(t), load.Planned())
	if cookieKey() != before {
		t.Error("the cookie key changed: readers are forgotten")
	}
}

// TestNetworkPolicy lets a stranger try the RPC port with the policy and without
// it: a stranger that fails in both would show nothing.
func TestNetworkPolicy(t *testing.T) {
	n := newNamespace(t)
	n.install(t, "marketplace.replicas=1", "recommendations.replicas=1")
	stranger := func(name string) string {
		n.apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: stranger
      image: bookstall/recommendations:e2e
      imagePullPolicy: Never
      args: [healthcheck, "--address=%s-recommendations:50051", --timeout=3s]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`, name, release))
		var phase string
		n.wait(t, "the stranger is done", func(out string) bool { phase = out; return out == "Succeeded" || out == "Failed" },
			"get", "pod", name, "-o", "jsonpath={.status.phase}")
		return phase
	}
	if got := stranger("with-policy"); got != "Failed" {
		t.Errorf("with the policy the stranger %s", got)
	}
	n.kubectl(t, "delete", "networkpolicy", "--all")
	if got := stranger("without-policy"); got != "Succeeded" {
		t.Errorf("without the policy the stranger %s", got)
	}
}
