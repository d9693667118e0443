//go:build e2e

package e2e

import (
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// TestTwoReleases runs two releases side by side in one namespace.
func TestTwoReleases(t *testing.T) {
	const other = "second-bookstall"
	n := newNamespace(t)
	few := []string{"recommendations.replicas=2"}
	n.install(t, few...)
	n.installAs(t, other, few...)
	for _, name := range []string{release, other} {
		n.runHelm(t, "test", name, "--timeout=90s")
	}
	answered := func(name string) (sum float64) {
		for _, pod := range n.podsOf(t, name, "recommendations") {
			sum += n.shelves(t, pod)
		}
		return sum
	}
	for called, idle := range map[string]string{release: other, other: release} {
		busy, quiet := answered(called), answered(idle)
		r := n.startLoadAt(t, called, rate, 10*time.Second).end(t)
		within(t, r, load.Planned())
		if got := answered(idle); got != quiet {
			t.Errorf("replicas of %s answered %.0f calls of %s", idle, got-quiet, called)
		}
		// The load's first look at the front page makes one call more.
		if got, want := int64(answered(called)-busy), asked(r)+1; got != want {
			t.Errorf("replicas of %s answered %d calls, want %d", called, got, want)
		}
	}
	running := n.startLoad(t, 30*time.Second)
	n.runHelm(t, "uninstall", other, "--wait")
	n.wait(t, "no pod of "+other+" is left", func(out string) bool { return out == "" },
		"get", "pods", "-l", "app.kubernetes.io/instance="+other, "-o", "name")
	within(t, running.end(t), load.Planned())
	n.runHelm(t, "test", release, "--timeout=90s")
}

// asked returns how many calls of a load made the shop call a replica.
func asked(o outcome) (sum int64) {
	for _, kind := range []load.Kind{load.Front, load.Book, load.APIKnown, load.APIUnknown} {
		sum += o.Kinds[kind].Calls
	}
	return sum
}
