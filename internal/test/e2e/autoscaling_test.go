//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// TestAutoscaling has a load make a HorizontalPodAutoscaler scale up, and the end
// of that load make it scale down again. What a call costs differs between machines
// by a factor of five, so the target is set to two and a half times what a
// small load takes: three replicas are then clearly too many for that load, and two
// too few for fifteen times as many calls.
func TestAutoscaling(t *testing.T) {
	n := newNamespace(t)
	if _, err := n.try(t.Context(), "kubectl", "top", "nodes"); err != nil {
		skip(t, "no metrics server: "+err.Error())
	}
	const request, small, large = 30, 10, 150 // milli-CPUs, calls a second
	n.install(t, "recommendations.replicas=2", "recommendations.autoscaling.enabled=true",
		"recommendations.autoscaling.minReplicas=2", "recommendations.autoscaling.maxReplicas=4",
		"recommendations.autoscaling.targetCPUPercent=10000", // none yet
		fmt.Sprintf("recommendations.resources.requests.cpu=%dm", request),
		"recommendations.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=15",
		"recommendations.autoscaling.behavior.scaleDown.policies[0].type=Pods",
		"recommendations.autoscaling.behavior.scaleDown.policies[0].value=2",
		"recommendations.autoscaling.behavior.scaleDown.policies[0].periodSeconds=15")
	autoscaler := "horizontalpodautoscaler/" + release + "-recommendations"
	ready := func(what string, done func(out string) bool) time.Time {
		n.wait(t, what, done, "get", "deployment/"+release+"-recommendations", "-o", "jsonpath={.status.readyReplicas}")
		return time.Now()
	}
	ready("the autoscaler keeps two replicas at least", func(out string) bool { return out == "2" })
	background := n.startLoadAt(t, release, small, 130*time.Second) // goes on until the replicas that go are gone
	took := n.milliCPUs(t, "recommendations", background.began)
	target := int(2.5 * took / request * 100)
	t.Logf("a replica takes %.1f m for %d calls a second of two; target %d %% of %d m", took, small, target, request)
	n.runHelm(t, "upgrade", release, chart, "--reuse-values", "--wait", "--timeout=90s",
		fmt.Sprintf("--set=recommendations.autoscaling.targetCPUPercent=%d", target))

	began := time.Now()
	surge := n.startLoadAt(t, release, large, 60*time.Second)
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

// milliCPUs returns what a pod of a component takes, the mean of its pods, once the
// metrics server has measured all of them in a window that began after a time.
func (n *namespace) milliCPUs(t *testing.T, component string, since time.Time) float64 {
	t.Helper()
	var pods struct {
		Items []struct {
			Timestamp  time.Time
			Window     string
			Containers []struct{ Usage struct{ CPU string } }
		}
	}
	until(t, patience, "the metrics server has measured "+component, func() bool {
		pods.Items = nil
		if err := json.Unmarshal([]byte(n.kubectl(t, "get", "--raw",
			"/apis/metrics.k8s.io/v1beta1/namespaces/"+n.name+"/pods?labelSelector="+selector(release, component))), &pods); err != nil {
			t.Fatal(err)
		}
		if len(pods.Items) < len(n.pods(t, component)) {
			return false
		}
		for _, pod := range pods.Items {
			window, err := time.ParseDuration(pod.Window)
			if err != nil {
				t.Fatal(err)
			}
			if pod.Timestamp.Add(-window).Before(since) {
				return false
			}
		}
		return true
	})
	var sum float64
	for _, pod := range pods.Items {
		nanos, ok := strings.CutSuffix(pod.Containers[0].Usage.CPU, "n")
		v, err := strconv.ParseFloat(nanos, 64)
		if !ok || err != nil {
			t.Fatalf("the metrics server says %q of a pod, want nanoseconds a second", pod.Containers[0].Usage.CPU)
		}
		sum += v / 1e6
	}
	return sum / float64(len(pods.Items))
}

// skip skips a test because the cluster lacks something; in CI the test fails.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("SKIP (counted): " + why)
}
