//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// TestAutoscaling has a load make a HorizontalPodAutoscaler scale up, and the end
// of that load make it scale down again.
func TestAutoscaling(t *testing.T) {
	n := newNamespace(t)
	if _, err := n.try(t.Context(), "kubectl", "top", "nodes"); err != nil {
		skip(t, "no metrics server: "+err.Error())
	}
	// One of two replicas needs about 15 % of 30 m at 10 calls a second, and 140 % at 150.
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
	n.wait(t, "the autoscaler knows what the replicas use", func(out string) bool { return out != "" },
		"get", autoscaler, "-o", "jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}")

	began := time.Now()
	background := n.startLoadAt(t, release, 10, 130*time.Second) // goes on until the replicas that go are gone
	surge := n.startLoadAt(t, release, 150, 60*time.Second)
	up := ready("more than two replicas are ready", func(out string) bool { return out > "2" })
	t.Logf("up after %.0f s: %s", up.Sub(began).Seconds(), n.kubectl(t, "get", autoscaler, "--no-headers"))
	for _, pod := range n.pods(t, "recommendations") {
		n.firstShelf(t, pod)
	}
	r := surge.end(t)
	within(t, r, load.Planned())
	if len(r.Replicas) < 3 {
		t.Errorf("%d replicas answered, want 3 at least", len(r.Replicas))
	}
	ended := time.Now()
	down := ready("two replicas again", func(out string) bool { return out == "2" })
	t.Logf("down %.0f s after the surge: %s", down.Sub(ended).Seconds(), n.kubectl(t, "get", autoscaler, "--no-headers"))
	n.settled(t, "recommendations")
	within(t, background.end(t), load.Planned())
	events := n.kubectl(t, "get", "events", "--field-selector", "reason=SuccessfulRescale,involvedObject.kind=HorizontalPodAutoscaler", "-o", "jsonpath={.items[*].message}")
	if !strings.Contains(events, "above target") || !strings.Contains(events, "below target") {
		t.Errorf("events of the autoscaler: %q, want one above and one below target", events)
	}
	t.Log(events)
}

// skip skips a test because the cluster lacks something; in CI the test fails.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("SKIP (counted): " + why)
}
