// Package load sends readers' page and API calls to a shop, at a fixed rate whatever
// the shop does: an open model, as readers do not wait for each other. The latency of
// a call counts from when it was due, so that a stall shows in all calls that it
// delayed, and not only in those that were in flight.
//
// It uses only the shop's pages, API and metrics, on a laptop as on a cluster.
package load

import (
	"context"
	"sync"
	"time"
)

// LateAfter is how long after it was due a call may end before it counts as late.
const LateAfter = time.Second

// Run makes the load until its duration is over or ctx ends, waits for the calls in
// flight, and returns a report. After an error there was no load at all.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return Report{}, err
	}
	client := newClient(cfg)
	defer client.close()
	offer, err := fetchOffer(ctx, client, cfg)
	if err != nil {
		return Report{}, err
	}
	watch := newWatch(cfg)
	defer watch.close()
	watch.baseline(ctx)

	g := &generator{cfg: cfg, client: client, mix: newMix(cfg, offer), slots: make(chan struct{}, cfg.MaxInFlight)}
	g.tally = newTally(cfg, time.Now())
	watch.began = g.tally.started
	var polling sync.WaitGroup
	quit := make(chan struct{})
	polling.Go(func() { g.tick(ctx, watch, quit) })
	g.arrive(ctx)
	g.calls.Wait()
	close(quit)
	polling.Wait()
	// A last poll, also after ctx has ended: without it the counts would lack the end.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), pollTimeout)
	defer cancel()
	g.tally.replicas(watch.poll(last))
	return g.tally.report(), nil
}

type generator struct {
	cfg    Config
	client *client
	mix    *mix
	tally  *tally
	slots  chan struct{} // one element for each call in flight
	calls  sync.WaitGroup
}

// arrive starts each call when it is due. A call that was due while the generator was
// delayed starts at once; its latency still counts from when it was due.
func (g *generator) arrive(ctx context.Context) {
	defer g.tally.endArrivals()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := int64(0); ; n++ {
		due := time.Duration(float64(n) / g.cfg.Rate * float64(time.Second))
		if g.cfg.Duration > 0 && due >= g.cfg.Duration {
			return
		}
		if wait := due - time.Since(g.tally.started); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		g.start(ctx, due)
	}
}

// start makes one call in the background.
func (g *generator) start(ctx context.Context, due time.Duration) {
	t := g.mix.next()
	select {
	case g.slots <- struct{}{}:
	default:
		t.done(false)
		g.tally.add(Call{Kind: t.kind, Due: due, Latency: g.cfg.Timeout, Outcome: Failed, Reason: "too many calls in flight"})
		return
	}
	g.tally.lag(time.Since(g.tally.started) - due)
	g.calls.Go(func() {
		defer func() { <-g.slots }()
		// The end of the load does not cut off a call in flight.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.Timeout)
		defer cancel()
		call := g.client.call(ctx, t)
		call.Due, call.Latency = due, time.Since(g.tally.started)-due
		if call.Outcome != Failed && call.Latency > LateAfter {
			call.Outcome = Late
		}
		t.done(call.Outcome == Full)
		g.tally.add(call)
	})
}

// tick polls the replicas and reports progress at each interval.
func (g *generator) tick(ctx context.Context, watch *watch, quit <-chan struct{}) {
	ticker := time.NewTicker(g.cfg.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		g.tally.replicas(watch.poll(ctx))
		if g.cfg.Progress != nil {
			g.cfg.Progress(g.tally.latest())
		}
	}
}
