package drills

import (
	"context"
	"fmt"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// A new replica that is slow at first, as one whose caches are cold.
const (
	warmTime  = 20 * time.Millisecond // time that a call takes at a replica
	coldTime  = 10 * warmTime
	coldFor   = 5 * time.Second
	watchFor  = 10 * time.Second // time in which p99 is measured
	coldRate  = 120              // calls a second: enough for a p99 of watchFor
	slowerP99 = 1.2              // p99 after the new replica joined, as a part of that before
)

// coldReplica adds a replica that is slow at first. Readers must hardly notice.
func coldReplica(ctx context.Context, s *scene) error {
	slow := func(r *fleet.Replica, d time.Duration) error {
		return fleet.Fault(ctx, r.Admin, fmt.Sprintf(`{"delay":"%v"}`, d))
	}
	if err := together(s.Replicas(), func(r *fleet.Replica) error { return slow(r, warmTime) }); err != nil {
		return err
	}
	fresh, err := s.AddReplica()
	if err != nil {
		return err
	}
	if err := slow(fresh, coldTime); err != nil {
		return err
	}
	s.wait(ctx, 2*time.Second)
	steady := time.Now()
	s.wait(ctx, watchFor)
	published := s.mark(event, "%s, which is slow, is in DNS", fresh.Name)
	s.Publish(s.Replicas()...)
	err = s.waitFor(ctx, bound{"firstWithin + beyondMost", firstWithin + beyondMost}, "a first call of "+fresh.Name, func() (bool, error) {
		n, err := fresh.BegunCalls()
		return n > 0, err
	})
	if err != nil {
		return err
	}
	joined := s.mark(remark, "%s has its first call", fresh.Name)
	s.wait(ctx, coldFor)
	s.mark(remark, "%s is warm", fresh.Name)
	if err := slow(fresh, warmTime); err != nil {
		return err
	}
	s.wait(ctx, watchFor-time.Since(joined))
	s.checkP99(steady, published, joined, joined.Add(watchFor))
	s.wait(ctx, 2*time.Second)
	return nil
}

// checkP99 compares the p99 of calls that ask a replica in two windows.
func (s *scene) checkP99(steady, steadyEnd, joined, end time.Time) {
	s.check(func(r load.Report) {
		before, after := p99(dueIn(s.calls, r.Started, steady, steadyEnd)), p99(dueIn(s.calls, r.Started, joined, end))
		s.figure("p99 of calls that ask a replica: %.1f ms steady, %.1f ms in the %v after it joined, %.2f times as long",
			before, after, watchFor, after/before)
		if before == 0 || after > slowerP99*before {
			s.fail("p99 was %.1f ms after the new replica joined, and %.1f ms before, want %.1f times as much at most", after, before, slowerP99)
		}
	})
}

// p99 returns the p99, in milliseconds, of the calls that ask a replica; 0 without any.
func p99(calls []load.Call) float64 {
	c := load.Timed{}
	for _, call := range calls {
		if asksReplica(call.Kind) {
			c.Took = append(c.Took, call.Latency)
		}
	}
	return c.Quantiles(0.99)[0]
}
