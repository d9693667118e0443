package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// What is asked of calls at single replicas.
const (
	shareWithin = 0.02            // of what each replica should have
	firstWithin = 3 * time.Second // of when a replica can be found
	lastWithin  = time.Second     // of when a replica falls sick
	lookEvery   = 50 * time.Millisecond
)

// even fails unless each replica answered its part of the calls, by its own count.
func (s *scene) even() {
	s.check(func(r load.Report) {
		if r.ReplicasFrom != "metrics" || len(r.Replicas) == 0 {
			s.fail("the replicas' own counts are missing")
			return
		}
		worst := 0.0
		for _, p := range r.Replicas {
			off := p.Share*float64(len(r.Replicas)) - 1
			if math.Abs(off) > math.Abs(worst) {
				worst = off
			}
		}
		s.figure("share of a replica: at most %.2f %% off", 100*math.Abs(worst))
		if math.Abs(worst) > shareWithin {
			s.fail("a replica's share is %+.1f %% off, want %.0f %% at most", 100*worst, 100*shareWithin)
		}
	})
}

// firstCall watches a replica until it has a new call, which must come within most
// after a time.
func (s *scene) firstCall(ctx context.Context, r *fleet.Replica, since time.Time, most time.Duration) {
	had, err := r.Asked()
	if err != nil {
		s.fail("%s: %v", r.Name, err)
		return
	}
	s.watchers.Go(func() {
		for time.Since(since) < most+10*time.Second {
			if n, err := r.Asked(); err == nil && n > had {
				took := time.Since(since)
				s.figure("%s has its first call after %.2f s", r.Name, took.Seconds())
				if took > most {
					s.fail("%s had its first call after %.1f s, want %v at most", r.Name, took.Seconds(), most)
				}
				return
			}
			if s.pass(ctx, lookEvery) != nil {
				return
			}
		}
		s.fail("%s had no call", r.Name)
	})
}

// lastCall watches a replica that falls sick now until stop is called. Its last
// call of a reader must end soon.
func (s *scene) lastCall(ctx context.Context, r *fleet.Replica, sick time.Time) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	last := sick
	watching.Go(func() {
		had, err := r.Asked()
		for s.pass(ctx, lookEvery) == nil {
			n, lookErr := r.Asked()
			if err == nil && lookErr == nil && n > had {
				last = time.Now()
			}
			had, err = n, lookErr
		}
	})
	return func() {
		cancel()
		watching.Wait()
		took := last.Sub(sick)
		s.figure("%s has its last call %.1f s after it fell sick", r.Name, took.Seconds())
		if took > lastWithin {
			s.fail("%s still had calls %.1f s after it fell sick, want %v at most", r.Name, took.Seconds(), lastWithin)
		}
	}
}

// lastFallback fails if a reader saw a fallback later than most after a time.
func (s *scene) lastFallback(since time.Time, most time.Duration) {
	s.check(func(r load.Report) {
		if r.Fallback == 0 {
			return
		}
		if took := r.LastFallback - since.Sub(r.Started).Seconds(); took > most.Seconds() {
			s.fail("the last fallback came %.1f s after it, want %v at most", took, most)
		}
	})
}

// bestsellers fails unless each call that asks a replica fell back meanwhile.
func (s *scene) bestsellers(from, until time.Time) {
	s.check(func(r load.Report) {
		var all, fell int
		for _, c := range s.calls {
			due := r.Started.Add(c.Due)
			if due.After(from) && due.Add(c.Latency).Before(until) && asksReplica(c.Kind) {
				all++
				if c.Outcome == load.Fallback {
					fell++
				}
			}
		}
		if all == 0 || fell < all {
			s.fail("%d of %d calls fell back while no replica answered, want all", fell, all)
		}
	})
}

// slower fails unless calls that ask a replica took at least so long in the median.
func (s *scene) slower(from, until time.Time, least time.Duration) {
	s.check(func(r load.Report) {
		var took []time.Duration
		for _, c := range s.calls {
			if due := r.Started.Add(c.Due); due.After(from) && due.Before(until) && c.Kind == load.APIKnown {
				took = append(took, c.Latency)
			}
		}
		slices.Sort(took)
		if len(took) == 0 || took[len(took)/2] < least {
			s.fail("the added latency of %v did not reach the calls", least)
			return
		}
		s.figure("median of calls that ask a replica: %.0f ms", float64(took[len(took)/2].Microseconds())/1000)
	})
}

// stops interrupts replicas, which must end in order.
func (s *scene) stops(leaving ...*fleet.Replica) error {
	var stopping sync.WaitGroup
	errs := make([]error, len(leaving))
	for i, r := range leaving {
		stopping.Go(func() {
			if err := r.Stop(10 * time.Second); err != nil {
				errs[i] = fmt.Errorf("%s: %w", r.Name, err)
			}
		})
	}
	stopping.Wait()
	return errors.Join(errs...)
}
