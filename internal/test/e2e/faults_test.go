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

// fault injects faults into one pod, through the API server and the pod's admin port.
func (n *namespace) fault(t *testing.T, pod, faults string) {
	t.Helper()
	if err := n.tryFault(t, pod, faults); err != nil {
		t.Fatal(err)
	}
}

// faultsSet returns when the replica last took on faults, by its own log: on a busy
// machine a kubectl takes longer than what is measured from there.
func (n *namespace) faultsSet(t *testing.T, pod string) (at time.Time) {
	t.Helper()
	for _, l := range n.lines(t, pod) {
		if l.Message == "faults set" {
			at = l.Time
		}
	}
	if at.IsZero() {
		t.Fatalf("the log of %s has no line of faults", pod)
	}
	return at
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
		n.wait(t, "one pod is not ready", func(out string) bool { return out == "2" }, "get", replicas, "-o", "jsonpath={.status.readyReplicas}")
		n.fault(t, sick, `{}`)
		n.kubectl(t, "rollout", "status", replicas, "--timeout=60s")
		within(t, running.end(t), load.Planned())
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
			n.fault(t, pod, sick.faults)
			event := n.faultsSet(t, pod)
			ejected := poll(t, ejectWithin, func() bool { return n.ejections(t, sick.reason) > before })
			o := running.end(t)
			n.fault(t, pod, `{}`)
			within(t, o, load.Unplanned(event))
			if !ejected {
				t.Errorf("not within %v: a shop ejects the replica for its %s", ejectWithin, sick.reason)
			}
		})
	}
	t.Run("the process of a replica dies", func(t *testing.T) {
		event, o := dies(t, n, "recommendations")
		within(t, o, load.Unplanned(event))
	})
	t.Run("the process of a marketplace pod dies", func(t *testing.T) {
		event, o := dies(t, n, "marketplace")
		// Until the kubelet notices, the Service sends half of the new connections, and
		// of the repeated ones, to an address where nothing listens. The shop cannot
		// change that; any other failure is its fault.
		limits := repeated(o, event)
		limits.Failed = min(o.base/100, o.Reasons["connection refused"])
		within(t, o, limits)
	})
}

// ejectWithin is how long after a fault a shop may take to count its ejection.
var ejectWithin = bound{"ejectWithin", 25 * time.Second}

// ejections returns how often the shop's pods ejected a replica for a reason.
func (n *namespace) ejections(t *testing.T, reason string) (sum float64) {
	t.Helper()
	for _, pod := range n.pods(t, "marketplace") {
		sum += n.metric(t, pod, "discovery_ejections_total", `reason="`+reason+`"`)
	}
	return sum
}

// repeated returns the limits for a pod of the shop that is lost without a warning:
// the calls it was working on break, and a browser repeats each once.
func repeated(o outcome, event time.Time) load.Limits {
	limits := load.Unplanned(event)
	limits.Retried = o.base / 50
	return limits
}

// dies makes the process of one pod exit under load, waits until the pod is ready
// again, and returns when the process was told to.
func dies(t *testing.T, n *namespace, component string) (event time.Time, o outcome) {
	t.Helper()
	sick := n.pods(t, component)[0]
	running := n.startLoad(t, 25*time.Second)
	event = time.Now()
	// The process may exit before it has answered; the restart shows that it exited.
	if err := n.tryFault(t, sick, `{"exit":1}`); err != nil {
		t.Log(err)
	}
	n.wait(t, "the container has been restarted", func(out string) bool { return out == "1" },
		"get", "pod", sick, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
	n.settled(t, component)
	return event, running.end(t)
}

// TestUpgradeAndRollback upgrades to another image under load, and rolls back.
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
	for _, component := range []string{"recommendations", "marketplace"} {
		n.settled(t, component)
	}
	within(t, running.end(t), load.Planned())
	if cookieKey() != before {
		t.Error("the cookie key changed: the shop does not know its readers any more")
	}
}

// TestNetworkPolicy lets a foreign pod try the RPC port with the policy and without
// it. That it succeeds without shows that it fails because of the policy.
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
		n.wait(t, "the foreign pod has ended", func(out string) bool { phase = out; return out == "Succeeded" || out == "Failed" },
			"get", "pod", name, "-o", "jsonpath={.status.phase}")
		return phase
	}
	if got := stranger("with-policy"); got != "Failed" {
		t.Errorf("with the policy the foreign pod ended as %s, want Failed", got)
	}
	n.kubectl(t, "delete", "networkpolicy", "--all")
	if got := stranger("without-policy"); got != "Succeeded" {
		t.Errorf("without the policy the foreign pod ended as %s, want Succeeded", got)
	}
}
