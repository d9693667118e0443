package drills

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// Limits of the calls at single replicas.
const (
	shareWithin = 0.02            // deviation from an even share
	firstWithin = 3 * time.Second // from when a replica can be found to its first call
	lastWithin  = time.Second     // from when a replica falls sick to its last call
)

// stopWithin is how long a process may take to end in order.
const stopWithin = 10 * time.Second

// checkEvenShares fails unless each replica answered its part of the calls, by its
// own count.
func (s *scene) checkEvenShares() {
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

// watchFirstCall watches a replica until it has a new call, which must come within
// most after since. The drill is not over before.
func (s *scene) watchFirstCall(ctx context.Context, r *fleet.Replica, since time.Time, most time.Duration) {
	had, err := r.FinishedCalls()
	if err != nil {
		s.fail("%s: %v", r.Name, err)
		return
	}
	s.watchers.Go(func() {
		err := s.waitFor(ctx, bound{"most + beyondMost", most + beyondMost}, "a first call of "+r.Name, func() (bool, error) {
			n, err := r.FinishedCalls()
			return err == nil && n > had, nil // it may not answer yet
		})
		took := time.Since(since)
		switch {
		case err != nil:
			s.fail("%v", err)
			return
		case took > most:
			s.fail("%s had its first call after %.1f s, want %v at most", r.Name, took.Seconds(), most)
		}
		s.figure("%s has its first call after %.2f s", r.Name, took.Seconds())
	})
}

// watchLastCall watches a replica that falls sick now, until stop is called. Its
// last call of a reader must end soon.
func (s *scene) watchLastCall(ctx context.Context, r *fleet.Replica, sick time.Time) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	last := sick
	watching.Go(func() {
		had, err := r.FinishedCalls()
		for ; ctx.Err() == nil; s.wait(ctx, lookEvery) {
			n, lookErr := r.FinishedCalls()
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

// waitFirstAnswer waits for least, and then until the replica has answered a reader's
// call that was due after since, which must be within most. It counts answers that
// readers received, not the replica's own calls, as the replica may still answer
// older calls that nobody waits for.
func (s *scene) waitFirstAnswer(ctx context.Context, r *fleet.Replica, since time.Time, most, least time.Duration) error {
	first := time.Duration(-1)
	err := s.waitAtLeast(ctx, least, bound{"most + beyondMost", most + beyondMost}, "an answer of "+r.Name, func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.calls {
			due := s.began.Add(c.Due)
			if took := due.Add(c.Latency).Sub(since); c.ServedBy == r.Name && due.After(since) && (first < 0 || took < first) {
				first = took
			}
		}
		return first >= 0, nil
	})
	if err != nil {
		return err
	}
	s.figure("%s answers a reader after %.2f s", r.Name, first.Seconds())
	if first > most {
		s.fail("%s answered its first call after %.1f s, want %v at most", r.Name, first.Seconds(), most)
	}
	return nil
}

// checkLastFallback fails if a reader saw a fallback later than most after since.
func (s *scene) checkLastFallback(since time.Time, most time.Duration) {
	s.check(func(r load.Report) {
		if r.Fallback == 0 {
			return
		}
		if took := r.LastFallback - since.Sub(r.Started).Seconds(); took > most.Seconds() {
			s.fail("the last fallback came after %.1f s, want %v at most", took, most)
		}
	})
}

// checkAllFellBack fails unless every call that asks a replica, and is in flight only
// between two times, fell back.
func (s *scene) checkAllFellBack(from, until time.Time) {
	s.check(func(r load.Report) {
		var all, fell int
		for _, c := range dueIn(s.calls, r.Started, from, until) {
			if r.Started.Add(c.Due+c.Latency).Before(until) && asksReplica(c.Kind) {
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

// checkSlower fails unless calls that ask a replica took least or longer in the
// median.
func (s *scene) checkSlower(from, until time.Time, least time.Duration) {
	s.check(func(r load.Report) {
		var took []time.Duration
		for _, c := range dueIn(s.calls, r.Started, from, until) {
			if c.Kind == load.APIKnown {
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

// together does something with replicas at the same time.
func together(replicas []*fleet.Replica, do func(*fleet.Replica) error) error {
	var group errgroup.Group
	for _, r := range replicas {
		group.Go(func() error { return do(r) })
	}
	return group.Wait()
}

// interrupt stops a replica, which must end in order.
func interrupt(r *fleet.Replica) error { return r.Stop(stopWithin) }
