package drills

import (
	"context"
	"fmt"
	"time"
)

// lookEvery is how often a drill looks whether something has happened.
const lookEvery = 50 * time.Millisecond

// bound limits how long a drill waits for something to happen. All but inUseBound are
// far beyond what readers may notice, and end a drill that would never end.
type bound struct {
	name string // name of the variable or expression
	most time.Duration
}

var (
	readyBound = bound{"readyBound", 30 * time.Second} // until shops receive connections
	metBound   = bound{"metBound", 20 * time.Second}   // until the shop connects to an address in DNS
	linkBound  = bound{"linkBound", 20 * time.Second}  // until connections go over a link
	writeBound = bound{"writeBound", 20 * time.Second} // until a write is kept or refused
	inUseBound = bound{"inUseBound", 10 * time.Second} // until replicas, or the shop, use what is new
)

// beyondMost is how much longer than its limit a drill waits for a call, to report
// how late it came.
const beyondMost = 10 * time.Second

func (b bound) String() string { return fmt.Sprintf("%v (%s)", b.most, b.name) }

// wait lets readers call for this long, or until ctx ends. A script need not check
// ctx: a drill that is cut short fails whatever its script still does.
func (s *scene) wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// waitFor returns once done reports true. The error names what it waited for and
// the bound.
func (s *scene) waitFor(ctx context.Context, b bound, what string, done func() (bool, error)) error {
	for began := time.Now(); ; s.wait(ctx, lookEvery) {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if time.Since(began) > b.most {
			return fmt.Errorf("waited %v for %s", b, what)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
	}
}

// waitAtLeast waits for least, and then until done reports true.
func (s *scene) waitAtLeast(ctx context.Context, least time.Duration, b bound, what string, done func() (bool, error)) error {
	s.wait(ctx, least)
	return s.waitFor(ctx, b, what, done)
}
