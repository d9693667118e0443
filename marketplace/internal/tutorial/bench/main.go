// Command bench repeats the tutorials' comparison of gRPC with REST, and prints
// the tables of docs/tutorial.md: one question to three replicas, over gRPC, over
// HTTP/1.1 with connections that are used again, and with one for each request;
// by the shop's own clients, and through the shop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"bookstall/internal/lab/fleet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// longest bounds the whole run.
const longest = 20 * time.Minute

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built programs")
	requests := flags.Int("requests", 5000, "requests of one measurement")
	rounds := flags.Int("rounds", 5, "measurements of each kind")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *requests < 100 || *rounds < 1 {
		return errors.New("want -requests of at least 100 and -rounds of at least 1")
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	fmt.Fprintf(stdout, "%s, %d CPUs, %s/%s; %d measurements of %d requests each, the kinds in turn\n",
		runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, *rounds, *requests)
	alone := table{title: "the call alone"}
	through := table{title: "through the shop"}
	for _, atATime := range []int{8, 100} {
		// New programs: what was connected before is out of the counts.
		if err := measure(ctx, *bin, atATime, *requests, *rounds, &alone, &through); err != nil {
			return err
		}
	}
	alone.print(stdout)
	through.print(stdout)
	return nil
}

const replicas = 3

// measure fills both tables for one number of requests at a time.
func measure(ctx context.Context, bin string, atATime, requests, rounds int, alone, through *table) (err error) {
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: replicas, Tutorial: true})
	if err != nil {
		return fmt.Errorf("%w; run make build", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	shop, err := shopKinds(ctx, f)
	if err != nil {
		return err
	}
	defer shop.close()
	clients, err := clientKinds(ctx, f)
	if err != nil {
		return err
	}
	defer clients.close()
	for _, side := range []struct {
		kinds
		to *table
	}{{clients, alone}, {shop, through}} {
		figures := make([]figure, len(side.list))
		for i, k := range side.list {
			figures[i].connections = k.already
		}
		for round := range rounds + 1 { // the first warms up
			for i, k := range side.list {
				d, err := drive(ctx, k, atATime, requests)
				if err != nil {
					return err
				}
				if round == 0 {
					d = driven{connections: d.connections} // those of the warm-up are in use later
				}
				figures[i].add(k.name, atATime, d)
			}
		}
		side.to.rows = append(side.to.rows, figures...)
	}
	return nil
}

// figure is one row.
type figure struct {
	name        string
	atATime     int
	rates       []float64 // requests a second, of each measurement
	p50, p99    []time.Duration
	connections float64
	failed      int
}

func (f *figure) add(name string, atATime int, d driven) {
	f.name, f.atATime = name, atATime
	f.connections += d.connections
	f.failed += d.failed
	if len(d.took) > 0 {
		f.rates = append(f.rates, float64(len(d.took))/d.elapsed.Seconds())
		slices.Sort(d.took)
		f.p50 = append(f.p50, d.took[len(d.took)/2])
		f.p99 = append(f.p99, d.took[len(d.took)*99/100])
	}
}

type table struct {
	title string
	rows  []figure
}

func (t table) print(w io.Writer) {
	fmt.Fprintf(w, "\n| %s | at a time | requests/s, median (least to most) | p50 / p99 | connections made | failed |\n|---|---|---|---|---|---|\n", t.title)
	for _, f := range t.rows {
		fmt.Fprintf(w, "| %s | %d | %.0f (%.0f to %.0f) | %.1f / %.1f ms | %.0f | %d |\n",
			f.name, f.atATime, median(f.rates), slices.Min(f.rates), slices.Max(f.rates), ms(median(f.p50)), ms(median(f.p99)), f.connections, f.failed)
	}
}

func median[T float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
