package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// measureTLS compares the CPU time of calls with mutual TLS and without, and shelves during a
// rollout of many replicas, when every shop makes new connections, with those before. Without
// TLS the same rollout tells what of that is handshakes.
func (b *bench) measureTLS(ctx context.Context) (section, error) {
	figs := newSection("tls", "mutual TLS")
	for _, measure := range []func(context.Context, string, *section) error{measureTLSCost, rollOut(false), rollOut(true)} {
		if err := measure(ctx, b.bin, &figs); err != nil {
			return figs, err
		}
	}
	return figs, nil
}

const (
	tlsRounds = 8
	tlsCalls  = 3000 // a round; the CPU time of a process counts in steps of 10 ms
)

// measureTLSCost runs both fleets side by side and calls them in turn, so that what else the
// machine does falls on both.
func measureTLSCost(ctx context.Context, bin string, figs *section) (err error) {
	kinds := [2]string{"plaintext", "mutual TLS"}
	var fleets [2]*fleet.Fleet
	var callers [2]*load.Caller
	for i := range kinds {
		f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 1, TLS: i == 1, MarketplaceArgs: []string{"--recommendations-timeout=5s"}})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		fleets[i] = f
		if callers[i], err = load.NewCaller(ctx, load.Config{Shop: f.URL, MaxInFlight: concurrency}); err != nil {
			return err
		}
		defer callers[i].Rest()
	}
	var took [2][]float64 // microseconds of CPU a call, of shop and replica
	var served [2][]float64
	for range tlsRounds {
		for i, f := range fleets {
			cpu := func(admin string) float64 {
				v, metricErr := fleet.Metric(admin, "process_cpu_seconds_total")
				err = errors.Join(err, metricErr)
				return v
			}
			shop, replica := cpu(f.Admin), cpu(f.Replicas()[0].Admin)
			b := &balance{Fleet: f, caller: callers[i]}
			driven := b.start(ctx, tlsCalls).wait()
			if !driven.clean() {
				return fmt.Errorf("%s: failed / fallback: %s", kinds[i], driven.trouble())
			}
			shop, replica = cpu(f.Admin)-shop, cpu(f.Replicas()[0].Admin)-replica
			if err != nil {
				return err
			}
			took[i] = append(took[i], (shop+replica)*1e6/tlsCalls)
			served[i] = append(served[i], replica*1e6/tlsCalls)
		}
	}
	// The first round is warm-up.
	cost := func(list [2][]float64) (plain, secure, more float64) {
		plain, secure = median(list[0][1:]), median(list[1][1:])
		return plain, secure, 100 * (secure/plain - 1)
	}
	plain, secure, more := cost(served)
	figs.add("Recommend, CPU a call at the replica: plaintext, mutual TLS", fmt.Sprintf("%.0f µs, %.0f µs (%+.1f %%)", plain, secure, more), "≤ 10 % more", more <= 10)
	plain, secure, more = cost(took)
	figs.add("the same at shop and replica", fmt.Sprintf("%.0f µs, %.0f µs (%+.1f %%)", plain, secure, more), "≤ 10 % more", more <= 10)
	return nil
}

// rollOut returns a measurement of how ten replicas are replaced that four shops call.
func rollOut(tls bool) func(context.Context, string, *section) error {
	return func(ctx context.Context, bin string, figs *section) error { return measureRollout(ctx, bin, tls, figs) }
}

func measureRollout(ctx context.Context, bin string, tls bool, figs *section) (err error) {
	const (
		replicas, shops = 10, 4
		offered         = 80.0 // calls a second
		steady          = 15 * time.Second
		after           = 5 * time.Second // of the rollout
	)
	f, err := fleet.Start(fleet.Config{
		Bin: bin, Replicas: replicas, TLS: tls, Switched: true,
		MarketplaceArgs: []string{"--recommendations-timeout=5s"},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for range shops - 1 {
		if _, err := f.AddMarketplace(); err != nil {
			return err
		}
	}
	// Ready before the load, so that their training does not count.
	old := f.Replicas()
	for range replicas {
		if _, err := f.AddReplica(); err != nil {
			return err
		}
	}
	fresh := f.Replicas()[replicas:]

	var calls []load.Call
	loading, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	var report load.Report
	go func() {
		var err error
		report, err = load.Run(loading, load.Config{
			Shop: f.URL, Rate: offered, Seed: 1, Observe: func(c load.Call) { calls = append(calls, c) },
		})
		ended <- err
	}()
	pause := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	pause(steady)
	began := time.Now()
	f.Publish(fresh...)
	for _, r := range old {
		if err := r.Stop(10 * time.Second); err != nil {
			end()
			return errors.Join(err, <-ended)
		}
	}
	pause(after)
	end()
	if err := <-ended; err != nil {
		return err
	}
	var before, during []float64
	for _, c := range calls {
		if millis := float64(c.Latency.Microseconds()) / 1000; report.Started.Add(c.Due).Before(began) {
			before = append(before, millis)
		} else {
			during = append(during, millis)
		}
	}
	was, is := quantile(before, 0.99), quantile(during, 0.99)
	kind, aim := "plaintext", ""
	if tls {
		kind, aim = "mutual TLS", "≤ twice"
	}
	figs.add(fmt.Sprintf("%s, %d replicas replaced, %d shops: p99 before, meanwhile", kind, replicas, shops),
		fmt.Sprintf("%.1f ms, %.1f ms (%d, %d calls)", was, is, len(before), len(during)), aim, is <= 2*was)
	figs.add("failed / fallback meanwhile", fmt.Sprintf("%d / %d", report.Failed, report.Fallback), "0 / 0", report.Failed == 0 && report.Fallback == 0)
	return nil
}

func quantile(list []float64, q float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[min(len(list)-1, int(math.Ceil(q*float64(len(list)))))]
}
