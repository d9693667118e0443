package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"syscall"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

const (
	calls       = 3000
	concurrency = 32
)

// measureBalance runs a fleet of three replicas and calls them through marketplace.
func (b *bench) measureBalance(ctx context.Context) (s section, err error) {
	s = newSection("balance", fmt.Sprintf("three replicas, concurrency %d", concurrency))
	f, err := fleet.Start(fleet.Config{Bin: b.bin, Replicas: 3, MarketplaceArgs: b.shopArgs})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m := &balance{Fleet: f, figs: &s}
	if m.caller, err = load.NewCaller(ctx, load.Config{Shop: f.URL, MaxInFlight: concurrency}); err != nil {
		return s, err
	}
	defer m.caller.Rest()
	for _, measure := range []func(context.Context) error{m.measureShares, m.measureNewcomer, m.measureLeaver} {
		if err := measure(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

// balance is a fleet that is measured.
type balance struct {
	*fleet.Fleet

	caller *load.Caller
	figs   *section
}

// counts returns how many calls each replica has finished.
func counts(replicas []*fleet.Replica) ([]int64, error) {
	list := make([]int64, len(replicas))
	for i, r := range replicas {
		n, err := r.FinishedCalls()
		if err != nil {
			return nil, err
		}
		list[i] = n
	}
	return list, nil
}

// measureShares makes a fixed number of calls and counts them on both sides.
func (b *balance) measureShares(ctx context.Context) error {
	before, err := counts(b.Replicas())
	if err != nil {
		return err
	}
	driven := b.start(ctx, calls).wait()
	after, err := counts(b.Replicas())
	if err != nil {
		return err
	}
	var sum int64
	for i, r := range b.Replicas() {
		n := after[i] - before[i]
		sum += n
		off := 100 * (3*float64(n)/calls - 1)
		b.figs.add(fmt.Sprintf("calls answered by replica %d (%s)", i+1, r.IP), fmt.Sprintf("%d (%+.2f %%)", n, off), "a third ± 2 %", math.Abs(off) <= 2)
	}
	full := int64(len(driven.Took)-driven.Failed) - driven.fallback
	q := driven.Quantiles(0.5, 0.99, 1)
	b.figs.add("counted by the replicas / by the client", fmt.Sprintf("%d / %d", sum, full), fmt.Sprintf("%d / %d", calls, calls), sum == calls && full == calls)
	b.figs.add("calls a second", fmt.Sprintf("%.0f", driven.Rate()), "", true)
	b.figs.add("p50 / p99 / max", fmt.Sprintf("%.1f / %.1f / %.1f ms", q[0], q[1], q[2]), "", true)
	return nil
}

// measureNewcomer publishes a fourth replica in DNS under load.
func (b *balance) measureNewcomer(ctx context.Context) error {
	const most = 30 * time.Second // longest wait for the first call
	fresh, err := b.AddReplica()
	if err != nil {
		return err
	}
	d := b.start(ctx, math.MaxInt)
	b.Publish(b.Replicas()...)
	published := time.Now()
	took := time.Duration(-1)
	for time.Since(published) < most && took < 0 {
		n, err := fresh.FinishedCalls()
		if err != nil {
			return errors.Join(err, d.stop().Err)
		}
		if n > 0 {
			took = time.Since(published)
		}
		time.Sleep(10 * time.Millisecond)
	}
	driven := d.stop()
	b.figs.add("a fourth replica in DNS: first call after", seconds(took.Seconds()), "≤ 5 s", took >= 0 && took <= 5*time.Second)
	b.figs.add("failed / fallback meanwhile", driven.trouble(), "0 / 0", driven.clean())
	return nil
}

// measureLeaver stops a replica by SIGTERM under load, as a rollout does: it leaves
// DNS a moment later.
func (b *balance) measureLeaver(ctx context.Context) error {
	const around = 300 // number of calls before and after
	d := b.start(ctx, math.MaxInt)
	if err := d.more(ctx, around); err != nil {
		return errors.Join(err, d.stop().Err)
	}
	leaving := b.Replicas()[0]
	began := time.Now()
	if err := leaving.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, d.stop().Err)
	}
	b.Publish(b.Replicas()[1:]...)
	<-leaving.Ended()
	ended := time.Since(began)
	if err := d.more(ctx, around); err != nil {
		return errors.Join(err, d.stop().Err)
	}
	driven := d.stop()
	b.figs.add("a replica stopped by SIGTERM: ended after", seconds(ended.Seconds()), "≤ 6 s", ended <= 6*time.Second)
	b.figs.add("calls / failed / fallback meanwhile", fmt.Sprintf("%d / %s", len(driven.Took), driven.trouble()), "all / 0 / 0", driven.clean())
	return nil
}

// driver makes calls of the JSON API in the background.
type driver struct {
	caller   *load.Caller
	cancel   context.CancelFunc
	made     atomic.Int64
	fallback atomic.Int64
	done     chan load.Timed
}

// driven is what a driver measured.
type driven struct {
	load.Timed

	fallback int64
}

func (d driven) trouble() string { return fmt.Sprintf("%d / %d", d.Failed, d.fallback) }

func (d driven) clean() bool { return d.Failed == 0 && d.fallback == 0 && len(d.Took) > 0 }

// start begins to make n calls.
func (b *balance) start(ctx context.Context, n int) *driver {
	ctx, cancel := context.WithCancel(ctx)
	d := &driver{caller: b.caller, cancel: cancel, done: make(chan load.Timed, 1)}
	go func() { d.done <- load.Drive(ctx, concurrency, n, d.call) }()
	return d
}

// wait returns when all calls have ended.
func (d *driver) wait() driven {
	defer d.cancel()
	closed := <-d.done
	return driven{closed, d.fallback.Load()}
}

// stop returns when the calls that have begun have ended.
func (d *driver) stop() driven {
	d.cancel()
	return d.wait()
}

// more returns after n more calls have begun.
func (d *driver) more(ctx context.Context, n int64) error {
	for until := d.made.Load() + n; d.made.Load() < until; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (d *driver) call(ctx context.Context) error {
	call := d.caller.Recommend(ctx, 1+d.made.Add(1)%1000)
	switch call.Outcome {
	case load.Full:
	case load.Fallback:
		d.fallback.Add(1)
	default:
		return fmt.Errorf("%s: %s", call.Outcome, call.Reason)
	}
	return nil
}
