//go:build e2e

package e2e

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// TestChart installs the chart once and puts it through its drills, one after
// another, each under load.
func TestChart(t *testing.T) {
	n := newNamespace(t)
	n.install(t)

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
		within(t, r, load.Planned())
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
			n.settled(t, component)
			within(t, running.report(t), load.Planned())
		})
	}
	t.Run("scale 2 to 6 to 2", func(t *testing.T) {
		ready := n.watchReadiness(t, "recommendations")
		running := n.startLoad(t, 60*time.Second)
		n.scale(t, 2)
		before := time.Now()
		n.scale(t, 6)
		// The figure is of a new pod's first call; then it must not be gone yet.
		for pod, at := range ready.since(before) {
			first := n.firstShelf(t, pod)
			t.Logf("%s had its first call %.2f s after it was ready", pod, first.Sub(at).Seconds())
			if first.Sub(at) > 5*time.Second {
				t.Errorf("%s had its first call %v after it was ready, want 5 s at most", pod, first.Sub(at))
			}
		}
		n.scale(t, 2)
		r := running.report(t)
		within(t, r, load.Planned())
		if len(r.Replicas) < 6 {
			t.Errorf("%d replicas answered, want calls at all of the 6", len(r.Replicas))
		}
		n.scale(t, 3)
	})
	t.Run("a replica deleted without grace", func(t *testing.T) {
		running := n.startLoad(t, 30*time.Second)
		event := time.Now()
		n.kubectl(t, "delete", "pod", n.pods(t, "recommendations")[0], "--grace-period=0", "--force")
		n.settled(t, "recommendations")
		within(t, running.report(t), load.Unplanned(event))
	})
	t.Run("a marketplace pod deleted", func(t *testing.T) {
		running := n.startLoad(t, 30*time.Second)
		n.kubectl(t, "delete", "pod", n.pods(t, "marketplace")[0], "--wait=false")
		n.settled(t, "marketplace")
		within(t, running.report(t), load.Planned())
	})
	t.Run("a marketplace pod deleted without grace", func(t *testing.T) {
		running := n.startLoad(t, 30*time.Second)
		event := time.Now()
		n.kubectl(t, "delete", "pod", n.pods(t, "marketplace")[0], "--grace-period=0", "--force")
		n.settled(t, "marketplace")
		r := running.report(t)
		within(t, r, repeated(r, event))
	})
	t.Run("all replicas gone and back", func(t *testing.T) { allGone(t, n) })
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

// allGone takes all replicas away for 20 s, within one load.
func allGone(t *testing.T, n *namespace) {
	t.Helper()
	const away = 20 * time.Second
	ready := n.watchReadiness(t, "recommendations")
	running := n.startLoad(t, 55*time.Second)
	event := time.Now()
	n.kubectl(t, "scale", "deployment/"+release+"-recommendations", "--replicas=0")
	n.wait(t, "no replicas", func(out string) bool { return out == "" },
		"get", "pods", "-l", "app.kubernetes.io/component=recommendations", "-o", "name")
	gone := time.Now()
	pass(t, away)
	back := time.Now()
	n.scale(t, 3)
	_, first := ready.next(t, back)
	r := running.report(t)
	within(t, r, load.Without(event, first.Add(backWithin)))
	t.Logf("no pod for %.1f s; full again %.2f s after the first pod was ready", back.Sub(gone).Seconds(),
		r.LastFallback-first.Sub(r.Started).Seconds())
	for _, row := range r.Timeline {
		from := r.Started.Add(time.Duration(row.Start * float64(time.Second)))
		if from.After(gone) && from.Add(time.Second).Before(back) && (row.Fallback == 0 || calls(row) > 0) {
			t.Errorf("second %.0f, without a replica: %v, %v", row.Start, row.Counts, row.Replicas)
		}
	}
	// The verdict of the other drills must not pass a shop that only falls back.
	for name, limits := range map[string]load.Limits{"planned": load.Planned(), "unplanned": load.Unplanned(gone)} {
		if len(r.Beyond(limits)) == 0 {
			t.Errorf("%v is within the limits of a drill that is %s", r.Counts, name)
		}
	}
}

// calls returns how many calls replicas answered in an interval.
func calls(row load.Interval) (sum int64) {
	for _, n := range row.Replicas {
		sum += n
	}
	return sum
}

// backWithin is how long after the first replica is ready a shelf may fall back: a
// look at DNS (2 s and jitter), and the way of an address to it.
const backWithin = 4 * time.Second
