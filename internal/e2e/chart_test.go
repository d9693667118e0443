//go:build e2e

package e2e

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// TestChart installs the chart once and puts it through its drills, one after
// another, each under load.
func TestChart(t *testing.T) {
	n := newNamespace(t)
	n.install(t, "image.tag=e2e", "image.pullPolicy=Never")

	t.Run("the shop answers", func(t *testing.T) {
		if page := n.get(t, release+"-marketplace:80", "/"); !strings.Contains(page, "For you") {
			t.Errorf("front page:\n%.2000s", page)
		}
	})
	t.Run("helm test", func(t *testing.T) {
		n.runHelm(t, "test", release, "--timeout=90s")
	})
	t.Run("steady", func(t *testing.T) {
		r := n.startLoad(t, 20*time.Second).report(t)
		within(t, r, planned())
		if len(r.Replicas) != 3 {
			t.Fatalf("%d replicas answered, want 3: %+v", len(r.Replicas), r.Replicas)
		}
		for _, p := range r.Replicas {
			if math.Abs(3*p.Share-1) > 0.05 {
				t.Errorf("%s has a share of %.1f %%, want a third ± 5 %%", p.Name, 100*p.Share)
			}
		}
	})
	for _, component := range []string{"recommendations", "marketplace"} {
		t.Run("rollout restart of "+component, func(t *testing.T) {
			running := n.startLoad(t, 60*time.Second)
			n.kubectl(t, "rollout", "restart", "deployment/"+release+"-"+component)
			n.kubectl(t, "rollout", "status", "deployment/"+release+"-"+component, "--timeout=110s")
			within(t, running.report(t), planned())
		})
	}
	t.Run("scale 2 to 6 to 2", func(t *testing.T) {
		running := n.startLoad(t, 60*time.Second)
		for _, replicas := range []string{"2", "6", "2"} {
			n.kubectl(t, "scale", "deployment/"+release+"-recommendations", "--replicas="+replicas)
			n.wait(t, replicas+" replicas", func(out string) bool { return out == replicas },
				"get", "deployment/"+release+"-recommendations", "-o", "jsonpath={.status.availableReplicas}")
		}
		r := running.report(t)
		within(t, r, planned())
		if len(r.Replicas) < 6 {
			t.Errorf("%d replicas answered, want calls at all of the 6", len(r.Replicas))
		}
		n.kubectl(t, "scale", "deployment/"+release+"-recommendations", "--replicas=3")
		n.kubectl(t, "rollout", "status", "deployment/"+release+"-recommendations", "--timeout=110s")
	})
	t.Run("a replica deleted without grace", func(t *testing.T) {
		running := n.startLoad(t, 30*time.Second)
		n.kubectl(t, "delete", "pod", n.pods(t, "recommendations")[0], "--grace-period=0", "--force")
		n.kubectl(t, "rollout", "status", "deployment/"+release+"-recommendations", "--timeout=110s")
		within(t, running.report(t), unplanned())
	})
	t.Run("a marketplace pod deleted", func(t *testing.T) {
		running := n.startLoad(t, 30*time.Second)
		n.kubectl(t, "delete", "pod", n.pods(t, "marketplace")[0], "--wait=false")
		n.kubectl(t, "rollout", "status", "deployment/"+release+"-marketplace", "--timeout=110s")
		within(t, running.report(t), planned())
	})
	t.Run("all replicas gone", func(t *testing.T) {
		n.kubectl(t, "scale", "deployment/"+release+"-recommendations", "--replicas=0")
		n.wait(t, "no replicas", func(out string) bool { return out == "" },
			"get", "pods", "-l", "app.kubernetes.io/component=recommendations", "-o", "name")
		r := n.startLoad(t, 15*time.Second).report(t)
		if r.Failed > 0 || r.Late > 0 || r.Fallback == 0 {
			t.Errorf("%v, want bestsellers and nothing failed", r.Counts)
		}
		// The verdict of every drill above must not pass a shop that only falls back.
		if len(r.Beyond(unplanned())) == 0 {
			t.Errorf("%v is within the limits of a drill", r.Counts)
		}
		n.kubectl(t, "scale", "deployment/"+release+"-recommendations", "--replicas=3")
		n.kubectl(t, "rollout", "status", "deployment/"+release+"-recommendations", "--timeout=110s")
		within(t, n.startLoad(t, 10*time.Second).report(t), planned())
	})
	t.Run("uninstall leaves nothing", func(t *testing.T) {
		n.runHelm(t, "uninstall", release, "--wait")
		var left struct {
			Items []struct {
				Kind     string
				Metadata struct{ Name string }
			}
		}
		out := n.kubectl(t, "get", "deployments,services,secrets,configmaps,serviceaccounts,poddisruptionbudgets,networkpolicies,horizontalpodautoscalers",
			"-l", "app.kubernetes.io/instance="+release, "-o", "json")
		if err := json.Unmarshal([]byte(out), &left); err != nil {
			t.Fatal(err)
		}
		for _, item := range left.Items {
			t.Errorf("%s %s is left", item.Kind, item.Metadata.Name)
		}
	})
}
