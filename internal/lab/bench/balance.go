package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"bookstall/internal/lab/fleet"
)

const (
	calls       = 3000
	concurrency = 32
)

// measureBalance runs a fleet of three and drives it through marketplace.
func measureBalance(ctx context.Context, bin string) (_ table, err error) {
	t := table{title: fmt.Sprintf("three replicas, concurrency %d", concurrency)}
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 3})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, measure := range []func(context.Context, *fleet.Fleet) ([]row, error){shares, newcomer, leaver} {
		rows, err := measure(ctx, f)
		if err != nil {
			return t, err
		}
		t.rows = append(t.rows, rows...)
	}
	return t, nil
}

// counts returns what each replica says it answered.
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

// shares counts a fixed number of calls on both sides.
func shares(ctx context.Context, f *fleet.Fleet) ([]row, error) {
	before, err := counts(f.Replicas())
	if err != nil {
		return nil, err
	}
	driven := drive(ctx, f.URL, calls)
	after, err := counts(f.Replicas())
	if err != nil {
		return nil, err
	}
	var rows []row
	var sum int64
	for i, r := range f.Replicas() {
		n := after[i] - before[i]
		sum += n
		off := 100 * (3*float64(n)/calls - 1)
		rows = append(rows, row{
			fmt.Sprintf("calls answered by replica %d (%s)", i+1, r.IP), fmt.Sprintf("%d (%+.2f %%)", n, off), "a third ± 2 %", math.Abs(off) <= 2,
		})
	}
	full := driven.sources["personal"] + driven.sources["popular"]
	rows = append(rows,
		row{"counted by the replicas / by the client", fmt.Sprintf("%d / %d", sum, full), fmt.Sprintf("%d / %d", calls, calls), sum == calls && full == calls},
		row{"calls a second", fmt.Sprintf("%.0f", driven.rate()), "", true},
		row{"p50 / p99 / max", driven.latencies(), "", true},
	)
	return rows, nil
}

// newcomer puts a fourth replica in DNS under load.
func newcomer(ctx context.Context, f *fleet.Fleet) ([]row, error) {
	fresh, err := f.AddReplica()
	if err != nil {
		return nil, err
	}
	load := keepDriving(ctx, f.URL)
	f.Publish(f.Replicas()...)
	published := time.Now()
	took := time.Duration(-1)
	for time.Since(published) < 30*time.Second {
		n, err := fresh.Calls()
		if err != nil {
			return nil, errors.Join(err, load.stop().err())
		}
		if n > 0 {
			took = time.Since(published)
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	driven := load.stop()
	return []row{
		{"a fourth replica in DNS: first call after", seconds(took), "≤ 5 s", took >= 0 && took <= 5*time.Second},
		{"failed / fallback meanwhile", driven.trouble(), "0 / 0", driven.clean()},
	}, nil
}

// leaver stops a replica by SIGTERM under load, as a rollout does: it leaves DNS
// a moment later.
func leaver(ctx context.Context, f *fleet.Fleet) ([]row, error) {
	load := keepDriving(ctx, f.URL)
	if err := load.wait(ctx, 300); err != nil {
		return nil, errors.Join(err, load.stop().err())
	}
	gone := f.Replicas()[0]
	began := time.Now()
	if err := gone.Signal(syscall.SIGTERM); err != nil {
		return nil, errors.Join(err, load.stop().err())
	}
	f.Publish(f.Replicas()[1:]...)
	<-gone.Ended()
	ended := time.Since(began)
	if err := load.wait(ctx, 300); err != nil {
		return nil, errors.Join(err, load.stop().err())
	}
	driven := load.stop()
	return []row{
		{"a replica stopped by SIGTERM: ended after", seconds(ended), "≤ 6 s", ended <= 6*time.Second},
		{"calls / failed / fallback meanwhile", fmt.Sprintf("%d / %s", driven.total, driven.trouble()), "all / 0 / 0", driven.clean()},
	}, nil
}
