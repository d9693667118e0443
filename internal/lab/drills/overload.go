package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// The overload. A capacity that does not come from the machine lets the load keep
// up with ten times as much.
const (
	places      = 1                     // calls at a time that a replica works on
	serviceTime = 60 * time.Millisecond // of each
	capacity    = 3 * places * float64(time.Second) / float64(serviceTime)
	tenfold     = 10 * capacity
	surgeFor    = 10 * time.Second
	quietRate   = capacity / 5 // of the readers who are there all the time

	leastGoodput = 0.8 // of the capacity
	// inTime bounds the p99 of all calls, refused ones too: a page waits for
	// patience at most, the rest is its own work with as many others at once.
	inTime = 2 * patience
)

// overloadDrills are what is too much for the shop.
func overloadDrills() []drill {
	return []drill{{
		name: "overload", cost: overload, rate: quietRate, script: surge,
		shows: fmt.Sprintf("ten times the calls for 10 s that the replicas can bear, which is %.0f a second", capacity),
		fleet: fleet.Config{ReplicaArgs: []string{fmt.Sprintf("--max-calls=%d", places)}},
	}}
}

// surge lets many more readers come for a while. As many calls as can be done must
// be done, the others be refused soon, and nothing of it last.
func surge(ctx context.Context, s *scene) error {
	for _, r := range s.Replicas() {
		if err := fleet.Fault(ctx, r.Admin, fmt.Sprintf(`{"delay":"%v"}`, serviceTime)); err != nil {
			return err
		}
	}
	if err := s.pass(ctx, 3*time.Second); err != nil {
		return err
	}
	shop := s.URL
	if s.opts.fallback {
		fake, stop, err := startFallback()
		if err != nil {
			return err
		}
		defer stop()
		shop = fake
	}
	from := s.mark(event, "%.0f calls a second more", tenfold)
	var calls []load.Call
	report, err := load.Run(ctx, load.Config{
		Shop: shop, Rate: tenfold, Duration: surgeFor, Retry: true, Seed: 2,
		Observe: func(c load.Call) { calls = append(calls, c) },
	})
	if err != nil {
		return err
	}
	until := s.mark(relief, "no more")
	if err := ctx.Err(); err != nil {
		return errors.Join(errors.New("the surge was cut short"), err)
	}
	s.judgeSurge(report, calls, from, until)
	return s.pass(ctx, 6*time.Second)
}

// judgeSurge holds the surge, and the readers who came anyway, to what is asked of
// an overload.
func (s *scene) judgeSurge(surge load.Report, calls []load.Call, from, until time.Time) {
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
		early := dueIn(s.calls, usual.Started, usual.Started, from.Add(-underWay))
		late := dueIn(s.calls, usual.Started, until.Add(relieved), until.Add(time.Hour))
		for _, c := range slices.Concat(early, late) {
			if c.Outcome == load.Shed {
				s.fail("calls were shed outside of the overload")
				return
			}
		}
	})
}

// dueIn returns the calls that were due in a time.
func dueIn(calls []load.Call, began, from, until time.Time) (list []load.Call) {
	for _, c := range calls {
		if due := began.Add(c.Due); !due.Before(from) && due.Before(until) {
			list = append(list, c)
		}
	}
	return list
}

// asksReplica reports whether such a call needs an answer of a replica.
func asksReplica(k load.Kind) bool {
	return slices.Contains([]load.Kind{load.Front, load.Book, load.APIKnown, load.APIUnknown}, k)
}
