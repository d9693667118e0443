package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
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
func measureBalance(ctx context.Context, bin string, marketplaceArgs ...string) (figs figures, err error) {
	figs.title = fmt.Sprintf("three replicas, concurrency %d", concurrency)
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 3, MarketplaceArgs: marketplaceArgs})
	if err != nil {
		return figs, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, measure := range []func(context.Context, *fleet.Fleet, *figures) error{measureShares, measureNewcomer, measureLeaver} {
		if err := measure(ctx, f, &figs); err != nil {
			return figs, err
		}
	}
	return figs, nil
}

// counts returns how many calls each replica says it answered.
func counts(replicas []*fleet.Replica) ([]int64, error) {
	list := make([]int64, len(replicas))
	for i, r := range replicas {
		n, err := r.Calls()
		if err != nil {
			return nil, err
		}
		list[i] = n
	}
	return list, nil
}

// measureShares makes a fixed number of calls and counts them on both sides.
func measureShares(ctx context.Context, f *fleet.Fleet, figs *figures) error {
	before, err := counts(f.Replicas())
	if err != nil {
		return err
	}
	driven := start(ctx, f.URL, calls).wait()
	after, err := counts(f.Replicas())
	if err != nil {
		return err
	}
	var sum int64
	for i, r := range f.Replicas() {
		n := after[i] - before[i]
		sum += n
		off := 100 * (3*float64(n)/calls - 1)
		figs.add(fmt.Sprintf("calls answered by replica %d (%s)", i+1, r.IP), fmt.Sprintf("%d (%+.2f %%)", n, off), "a third ± 2 %", math.Abs(off) <= 2)
	}
	full := int64(len(driven.Took)-driven.Failed) - driven.fallback
	q := driven.Quantiles(0.5, 0.99, 1)
	figs.add("counted by the replicas / by the client", fmt.Sprintf("%d / %d", sum, full), fmt.Sprintf("%d / %d", calls, calls), sum == calls && full == calls)
	figs.add("calls a second", fmt.Sprintf("%.0f", driven.Rate()), "", true)
	figs.add("p50 / p99 / max", fmt.Sprintf("%.1f / %.1f / %.1f ms", q[0], q[1], q[2]), "", true)
	return nil
}

// measureNewcomer publishes a fourth replica in DNS under load.
func measureNewcomer(ctx context.Context, f *fleet.Fleet, figs *figures) error {
	const most = 30 * time.Second // to wait for the first call
	fresh, err := f.AddReplica()
	if err != nil {
		return err
	}
	d := start(ctx, f.URL, math.MaxInt)
	f.Publish(f.Replicas()...)
	published := time.Now()
	took := time.Duration(-1)
	for time.Since(published) < most && took < 0 {
		n, err := fresh.Calls()
		if err != nil {
			return errors.Join(err, d.stop().Err)
		}
		if n > 0 {
			took = time.Since(published)
		}
		time.Sleep(10 * time.Millisecond)
	}
	driven := d.stop()
	figs.add("a fourth replica in DNS: first call after", seconds(took), "≤ 5 s", took >= 0 && took <= 5*time.Second)
	figs.add("failed / fallback meanwhile", driven.trouble(), "0 / 0", driven.clean())
	return nil
}

// measureLeaver stops a replica by SIGTERM under load, as a rollout does: it leaves
// DNS a moment later.
func measureLeaver(ctx context.Context, f *fleet.Fleet, figs *figures) error {
	const around = 300 // calls before and after
	d := start(ctx, f.URL, math.MaxInt)
	if err := d.more(ctx, around); err != nil {
		return errors.Join(err, d.stop().Err)
	}
	leaving := f.Replicas()[0]
	began := time.Now()
	if err := leaving.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, d.stop().Err)
	}
	f.Publish(f.Replicas()[1:]...)
	<-leaving.Ended()
	ended := time.Since(began)
	if err := d.more(ctx, around); err != nil {
		return errors.Join(err, d.stop().Err)
	}
	driven := d.stop()
	figs.add("a replica stopped by SIGTERM: ended after", seconds(ended), "≤ 6 s", ended <= 6*time.Second)
	figs.add("calls / failed / fallback meanwhile", fmt.Sprintf("%d / %s", len(driven.Took), driven.trouble()), "all / 0 / 0", driven.clean())
	return nil
}

// driver makes calls of the JSON API in the background.
type driver struct {
	shop     string
	client   *http.Client
	cancel   context.CancelFunc
	made     atomic.Int64
	fallback atomic.Int64
	done     chan load.Closed
}

// driven is what a driver measured.
type driven struct {
	load.Closed

	fallback int64
}

func (d driven) trouble() string { return fmt.Sprintf("%d / %d", d.Failed, d.fallback) }

func (d driven) clean() bool { return d.Failed == 0 && d.fallback == 0 && len(d.Took) > 0 }

// start begins to make n calls.
func start(ctx context.Context, shop string, n int) *driver {
	ctx, cancel := context.WithCancel(ctx)
	d := &driver{
		shop: shop, cancel: cancel, done: make(chan load.Closed, 1),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}},
	}
	go func() { d.done <- load.Drive(ctx, concurrency, n, d.call) }()
	return d
}

// wait returns when all calls have ended.
func (d *driver) wait() driven {
	defer d.cancel()
	closed := <-d.done
	d.client.CloseIdleConnections()
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
	user := 1 + d.made.Add(1)%1000
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/recommendations?user_id=%d", d.shop, user), http.NoBody)
	if err != nil {
		return err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	var answer struct {
		Source          string            `json:"source"`
		Recommendations []json.RawMessage `json:"recommendations"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	switch {
	case len(answer.Recommendations) == 0:
		return errors.New("an empty shelf")
	case answer.Source == "fallback":
		d.fallback.Add(1)
	case answer.Source != "personal" && answer.Source != "popular":
		return fmt.Errorf("source %q", answer.Source)
	}
	return nil
}
