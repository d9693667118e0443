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

// TestChart installs the chart once and runs drills on it, one after another, each
// under load.
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
		r := n.startLoad(t, 20*time.Second).end(t)
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
			within(t, running.end(t), load.Planned())
		})
	}
	t.Run("scale 2 to 6 to 2", func(t *testing.T) {
		ready := n.watchReadiness(t, "recommendations")
		running := n.startLoad(t, 60*time.Second)
		n.scale(t, 2)
		before := time.Now()
		n.scale(t, 6)
		// A pod's first call is in its log, so look before the pod is gone.
		for pod, at := range ready.since(before) {
			first := n.firstShelf(t, pod)
			t.Logf("%s had its first call %.2f s after it was ready", pod, first.Sub(at).Seconds())
			if first.Sub(at) > 5*time.Second {
				t.Errorf("%s had its first call %v after it was ready, want 5 s at most", pod, first.Sub(at))
			}
		}
		n.scale(t, 2)
		r := running.end(t)
		within(t, r, load.Planned())
		if len(r.Replicas) < 6 {
			t.Errorf("%d replicas answered, want all 6", len(r.Replicas))
		}
		n.scale(t, 3)
	})
	t.Run("a replica deleted without grace", func(t *testing.T) {
		event, o := deleted(t, n, "recommendations", "--grace-period=0", "--force")
		within(t, o, load.Unplanned(event))
	})
	t.Run("a marketplace pod deleted", func(t *testing.T) {
		_, o := deleted(t, n, "marketplace", "--wait=false")
		within(t, o, load.Planned())
	})
	t.Run("a marketplace pod deleted without grace", func(t *testing.T) {
		event, o := deleted(t, n, "marketplace", "--grace-period=0", "--force")
		within(t, o, repeated(o, event))
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

// deleted deletes one pod under load, waits until another has replaced it, and
// returns when it was deleted.
func deleted(t *testing.T, n *namespace, component string, flags ...string) (event time.Time, o outcome) {
	t.Helper()
	running := n.startLoad(t, 30*time.Second)
	event = time.Now()
	before := n.pods(t, component)
	n.kubectl(t, append([]string{"delete", "pod", before[0]}, flags...)...)
	n.replaced(t, component, before)
	return event, running.end(t)
}

// allGone takes all replicas away for 20 s, under load.
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
	pass(t, time.Until(first.Add(backWithin+5*time.Second))) // these calls show that no more fall back
	r := running.end(t)
	within(t, r, load.Without(event, first.Add(backWithin)))
	t.Logf("no pod for %.1f s; full again %.2f s after the first pod was ready", back.Sub(gone).Seconds(),
		r.LastFallback-first.Sub(r.Started).Seconds())
	for _, row := range r.Timeline {
		from := r.Started.Add(time.Duration(row.Start * float64(time.Second)))
		if from.After(gone) && from.Add(time.Second).Before(back) && (row.Fallback == 0 || calls(row) > 0) {
			t.Errorf("second %.0f, without a replica: %v, %v", row.Start, row.Counts, row.Replicas)
		}
	}
	// A shop that only falls back must be beyond the limits of the other drills.
	for name, limits := range map[string]load.Limits{"planned": load.Planned(), "unplanned": load.Unplanned(gone)} {
		if len(r.Beyond(limits)) == 0 {
			t.Errorf("%v: within the limits of a drill that is %s", r.Counts, name)
		}
	}
}

// calls returns how many calls the replicas answered in an interval.
func calls(row load.Interval) (sum int64) {
	for _, n := range row.Replicas {
		sum += n
	}
	return sum
}

// backWithin is how long shelves may fall back after the first replica is ready: the
// time until its address is in DNS, and until the shop looks (2 s and jitter).
const backWithin = 4 * time.Second
