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
		r := n.startLoadAt(t, called, rate, 10*time.Second).report(t)
		within(t, r, load.Planned())
		if got := answered(idle); got != quiet {
			t.Errorf("replicas of %s answered %.0f calls of %s", idle, got-quiet, called)
		}
		// All that was asked for arrived there, and the one page that the load looks at first.
		if got, want := int64(answered(called)-busy), asked(r)+1; got != want {
			t.Errorf("replicas of %s answered %d calls, want %d", called, got, want)
		}
	}
	running := n.startLoad(t, 30*time.Second)
	n.runHelm(t, "uninstall", other, "--wait")
	within(t, running.report(t), load.Planned())
	if left := n.kubectl(t, "get", "pods", "-l", "app.kubernetes.io/instance="+other, "-o", "name"); left != "" {
		t.Errorf("%s left %s", other, left)
	}
	n.runHelm(t, "test", release, "--timeout=90s")
}

// asked returns how many calls of a load made the shop ask a replica.
func asked(r load.Report) (sum int64) {
	for _, kind := range []load.Kind{load.Front, load.Book, load.APIKnown, load.APIUnknown} {
		sum += r.Kinds[kind].Calls
	}
	return sum
}
