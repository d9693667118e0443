//go:build compose

package compose

import (
	"math"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

const (
	// rate is the number of calls per second.
	rate = 60
	// interval is the resolution of the report's timeline, and so of firstCall.
	interval = 250 * time.Millisecond
)

// loadRun is a running load.
type loadRun struct {
	ended  chan struct{}
	report load.Report // may be read after ended, as err
	err    error
}

// startLoad starts a load on the shop, and returns when it has made calls for a second.
func (p *project) startLoad(t *testing.T, length time.Duration) *loadRun {
	t.Helper()
	l := &loadRun{ended: make(chan struct{})}
	warm := make(chan struct{})
	calls := 0
	cfg := load.Config{
		Shop: shop, Rate: rate, Duration: length, Interval: interval, Replicas: p.admins,
		Observe: func(load.Call) {
			if calls++; calls == rate {
				close(warm)
			}
		},
	}
	go func() {
		defer close(l.ended)
		l.report, l.err = load.Run(t.Context(), cfg)
	}()
	t.Cleanup(func() { <-l.ended }) // the test's context is done by then, which ends the load
	select {
	case <-warm:
	case <-l.ended:
		t.Fatalf("the load ended at once: %v", l.err)
	}
	return l
}

// within waits for the end of the load, and fails the test if failures and fallbacks
// exceed the limits.
func (l *loadRun) within(t *testing.T, limits load.Limits) load.Report {
	t.Helper()
	<-l.ended
	if l.err != nil {
		t.Fatal(l.err)
	}
	t.Logf("%s; max lag %.0f ms", l.report.Line(), l.report.MaxLag)
	for reason, n := range l.report.Reasons {
		t.Logf("failed %d times: %s", n, reason)
	}
	for _, fault := range l.report.Beyond(limits) {
		t.Error(fault)
	}
	return l.report
}

// Limits of the drills: fallbacks are allowed, failures and late answers are not.
func planned() load.Limits   { return load.Limits{FallbackShare: 0.001} }
func unplanned() load.Limits { return load.Limits{FallbackShare: 0.02} }

// equalShares fails the test unless n replicas answered equal shares ± 5 %, by their own
// metrics.
func equalShares(t *testing.T, r load.Report, n int) {
	t.Helper()
	if r.ReplicasFrom != "metrics" || len(r.Replicas) != n {
		t.Fatalf("%d replicas answered by their %s, want %d by their metrics", len(r.Replicas), r.ReplicasFrom, n)
	}
	for _, replica := range r.Replicas {
		if math.Abs(float64(n)*replica.Share-1) > 0.05 {
			t.Errorf("%s answered %.2f %%, want %.2f %% ± 5 %% of that", replica.Name, 100*replica.Share, 100/float64(n))
		}
	}
}

// firstCall returns the end of the interval in which a replica answered its first call.
func firstCall(r load.Report, name string) (time.Time, bool) {
	for _, row := range r.Timeline {
		if row.Replicas[name] > 0 {
			return r.Started.Add(time.Duration(row.Start*float64(time.Second)) + interval), true
		}
	}
	return time.Time{}, false
}
