package balance

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"
)

func TestAnObserverIsToldOfEveryChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.connected("10.0.0.1", connectivity.Ready, NotServing)
		w.connected("10.0.0.1", connectivity.Connecting, Connecting)
		w.connected("10.0.0.1", connectivity.Ready, Serving)
		w.reports("10.0.0.1", 1, bad, 0)
		w.probe.set(probeResult{err: errSick}, "10.0.0.1")
		pass(time.Second)
		w.reports("10.0.0.1", 1, bad, 0)
		w.probe.set(probeResult{}, "10.0.0.1")
		pass(time.Second)
		w.dns.set(nil, "10.0.0.2", "10.0.0.3")
		pass(2 * interval)
		pass(goneFor)
		w.balancer.Snapshots() // forgets what is gone
		want := []string{
			">connecting", "connecting>serving",
			"serving>not serving", "not serving>connecting", "connecting>serving",
			"serving>suspected errors", "suspected>serving probed",
			"serving>suspected errors", "suspected>ejected errors", "ejected>serving probed",
			"serving>gone", "gone>",
		}
		if got := w.events.of("10.0.0.1"); !slices.Equal(got, want) {
			t.Errorf("changes\n%q, want\n%q", got, want)
		}
		w.res.Close() // the client is closed
		if got, want := w.events.of("10.0.0.2"), []string{">connecting", "connecting>serving", "serving>"}; !slices.Equal(got, want) {
			t.Errorf("changes of a replica that served until the end: %q, want %q", got, want)
		}
		if n := w.events.lookups[LookupOK]; n < 30 {
			t.Errorf("%d lookups were reported, want at least 30 in more than a minute", n)
		}
	})
}

// The call whose outcome excludes a replica is told so by the context of its attempt.
func TestTheCallThatExcludesAReplicaIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		if change := w.pool.ended(w.at("10.0.0.1"), ended(method, good, 0)); change != (Change{}) {
			t.Errorf("after a good call: %+v", change)
		}
		change := w.pool.ended(w.at("10.0.0.1"), ended(method, timedOut, 0))
		want := Change{Address: "10.0.0.1:50051", From: Serving, To: Suspected, Reason: ReasonTimeouts}
		if change != want {
			t.Errorf("after a call that timed out: %+v, want %+v", change, want)
		}
	})
}

// A child may use some of the replicas only.
func TestAReplicaWithoutAConnectionIsUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 4)
		w.pool.connRemoved(w.channel.conns["10.0.0.4:50051"])
		w.pool.endPublication()
		wantState(t, w, "10.0.0.4", Unused, "")
		// Three are used, so one of them may be out, and not two.
		w.reports("10.0.0.1", 3, timedOut, 0)
		w.reports("10.0.0.2", 3, timedOut, 0)
		wantList(t, w, "10.0.0.2", "10.0.0.3")
		w.pool.connAdded(w.channel.conns["10.0.0.4:50051"])
		wantState(t, w, "10.0.0.4", Connecting, "")
	})
}
