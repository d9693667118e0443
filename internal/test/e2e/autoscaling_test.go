//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// TestAutoscaling lets a real load move a real HorizontalPodAutoscaler up, and its
// end down again.
func TestAutoscaling(t *testing.T) {
	n := newNamespace(t)
	if _, err := n.try(t.Context(), "kubectl", "top", "nodes"); err != nil {
		lack(t, "no metrics server: "+err.Error())
	}
	// Of 30 m, a replica of two needs about 15 % at 10 calls a second and 140 % at 150.
	n.install(t, "recommendations.replicas=2", "recommendations.autoscaling.enabled=true",
		"recommendations.autoscaling.minReplicas=2", "recommendations.autoscaling.maxReplicas=4",
		"recommendations.autoscaling.targetCPUPercent=50", "recommendations.resources.requests.cpu=30m",
		"recommendations.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=15",
		"recommendations.autoscaling.behavior.scaleDown.policies[0].type=Pods",
		"recommendations.autoscaling.behavior.scaleDown.policies[0].value=2",
		"recommendations.autoscaling.behavior.scaleDown.policies[0].periodSeconds=15")
	autoscaler := "horizontalpodautoscaler/" + release + "-recommendations"
	ready := func(what string, done func(out string) bool) time.Time {
		n.wait(t, what, done, "get", "deployment/"+release+"-recommendations", "-o", "jsonpath={.status.readyReplicas}")
		return time.Now()
	}
	n.wait(t, "the autoscaler sees what replicas use", func(out string) bool { return out != "" },
		"get", autoscaler, "-o", "jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}")

	began := time.Now()
	background := n.startLoadAt(t, release, 10, 130*time.Second) // sees the way down too
	surge := n.startLoadAt(t, release, 150, 60*time.Second)
	up := ready("more replicas", func(out string) bool { return out > "2" })
	t.Logf("up after %.0f s: %s", up.Sub(began).Seconds(), n.kubectl(t, "get", autoscaler, "--no-headers"))
	r := surge.report(t)
	within(t, r, load.Planned())
	if len(r.Replicas) < 3 {
		t.Errorf("%d replicas answered, want calls at the new ones", len(r.Replicas))
	}
	ended := time.Now()
	down := ready("two replicas again", func(out string) bool { return out == "2" })
	t.Logf("down %.0f s after the surge: %s", down.Sub(ended).Seconds(), n.kubectl(t, "get", autoscaler, "--no-headers"))
	whole := background.report(t)
	within(t, whole, load.Planned())
	// The pods that go drain for some seconds.
	if end := whole.Started.Add(time.Duration(whole.Seconds * float64(time.Second))); end.Before(down.Add(5 * time.Second)) {
		t.Errorf("the load was over at %v, two replicas were left at %v only", end, down)
	}
	events := n.kubectl(t, "get", "events", "--field-selector", "reason=SuccessfulRescale,involvedObject.kind=HorizontalPodAutoscaler", "-o", "jsonpath={.items[*].message}")
	if !strings.Contains(events, "above target") || !strings.Contains(events, "below target") {
		t.Errorf("the autoscaler says %q, want that it went up and down", events)
	}
	t.Log(events)
}

// lack ends a test for want of something that the cluster may not have; in CI that
// is a failure.
func lack(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIP (counted): " + what)
}
