package drills

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// The overload. The capacity does not depend on the machine, so that the load can
// keep up with ten times as much.
const (
	slots       = 1                     // concurrency limit of each replica
	serviceTime = 60 * time.Millisecond // time a replica spends on each call
	capacity    = 3 * slots * float64(time.Second) / float64(serviceTime)
	tenfold     = 10 * capacity
	surgeFor    = 10 * time.Second
	quietRate   = capacity / 5 // rate of the readers who call all the time

	leastGoodput = 0.8 // share of the capacity
	// inTime bounds the p99 of all calls, shed ones included: a page waits for
	// patience at most; the rest is its own work beside as many others.
	inTime = 2 * patience
)

// surge sends many more readers for a while. The shop must answer as many calls as
// it can, shed the others soon, and be as before once it is over.
func surge(ctx context.Context, s *scene) error {
	for _, r := range s.Replicas() {
		if err := fleet.Fault(ctx, r.Admin, fmt.Sprintf(`{"delay":"%v"}`, serviceTime)); err != nil {
			return err
		}
	}
	s.wait(ctx, 3*time.Second)
	from := s.mark(event, "%.0f calls a second more", tenfold)
	var calls []load.Call
	report, err := load.Run(ctx, load.Config{
		Shop: s.shop, Rate: tenfold, Duration: surgeFor, Retry: true, Seed: 2,
		Observe: func(c load.Call) { calls = append(calls, c) },
	})
	if err != nil {
		return err
	}
	until := s.mark(relief, "the surge is over")
	s.checkSurge(report, calls, from, until)
	s.wait(ctx, 6*time.Second)
	return nil
}

// checkSurge holds the surge, and the calls of other readers, to the limits of an
// overload.
func (s *scene) checkSurge(surge load.Report, calls []load.Call, from, until time.Time) {
	s.check(func(usual load.Report) {
		inside := dueIn(s.calls, usual.Started, from, until)
		all := slices.Concat(inside, calls)
		good := 0
		for _, c := range all {
			if asksReplica(c.Kind) && c.Outcome == load.Full {
				good++
			}
		}
		goodput := float64(good) / until.Sub(from).Seconds()
		s.figure("the surge: %s; p99 %.0f ms, max %.0f ms", surge.Counts, surge.P99, surge.Max)
		s.figure("goodput %.0f a second, %.0f %% of the capacity of %.0f", goodput, 100*goodput/capacity, capacity)
		if goodput < leastGoodput*capacity {
			s.fail("goodput was %.0f a second, want %.0f at least", goodput, leastGoodput*capacity)
		}
		if n := surge.Failed + surge.Late; n > 0 {
			s.fail("%d calls of the surge failed and %d were late, want none: %v", surge.Failed, surge.Late, surge.Reasons)
		}
		if p99 := surge.P99; p99 > float64(inTime.Milliseconds()) {
			s.fail("the p99 of the surge was %.0f ms, want %v at most", p99, inTime)
		}
		if surge.Shed == 0 || surge.Fallback == 0 {
			s.fail("%d calls of the surge were shed and %d fell back, want some of each: it was no overload", surge.Shed, surge.Fallback)
		}
		early := dueIn(s.calls, usual.Started, usual.Started, from.Add(-inFlight))
		late := dueIn(s.calls, usual.Started, until.Add(relieved), until.Add(time.Hour))
		for _, c := range slices.Concat(early, late) {
			if c.Outcome == load.Shed {
				s.fail("calls were shed outside of the overload")
				return
			}
		}
	})
}

// dueIn returns the calls that were due between two times.
func dueIn(calls []load.Call, began, from, until time.Time) (list []load.Call) {
	for _, c := range calls {
		if due := began.Add(c.Due); !due.Before(from) && due.Before(until) {
			list = append(list, c)
		}
	}
	return list
}

// asksReplica reports whether a call of this kind needs an answer of a replica.
func asksReplica(k load.Kind) bool {
	return slices.Contains([]load.Kind{load.Front, load.Book, load.APIKnown, load.APIUnknown}, k)
}
