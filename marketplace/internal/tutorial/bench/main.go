// Command bench repeats the tutorials' comparison of gRPC with REST, and prints
// the tables of docs/tutorial.md: one question to three replicas, over gRPC, over
// HTTP/1.1 with keep-alive, and over HTTP/1.1 with a connection for each request; by
// the shop's own clients, and through the shop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/report"
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
	fmt.Fprintf(stdout, "%s; %d measurements of %d requests each, the kinds in turn\n", report.Machine(), *rounds, *requests)
	alone, through := newTable("the call alone"), newTable("through the shop")
	for _, atATime := range []int{8, 100} {
		// New processes each time, so that no connection of before is counted.
		if err := measure(ctx, *bin, atATime, *requests, *rounds, &alone, &through); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "\n%s\n%s", alone.Markdown(), through.Markdown())
	return nil
}

const replicas = 3

// measure fills both tables for one number of requests at a time.
func measure(ctx context.Context, bin string, atATime, requests, rounds int, alone, through *report.Table) (err error) {
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
		to *report.Table
	}{{clients, alone}, {shop, through}} {
		figures := make([]figure, len(side.list))
		for i, k := range side.list {
			figures[i] = figure{name: k.name, atATime: atATime, connections: k.already}
		}
		for round := range rounds + 1 { // the first warms up
			for i, k := range side.list {
				d, err := drive(ctx, k, atATime, requests)
				if err != nil {
					return err
				}
				figures[i].add(d, round == 0)
			}
		}
		for _, f := range figures {
			side.to.Add(f.row()...)
		}
	}
	return nil
}

// figure is one row of a table.
type figure struct {
	name        string
	atATime     int
	rates       []float64 // requests a second, of each measurement
	p50, p99    []float64 // milliseconds, of each measurement
	connections float64
	failed      int
}

// add adds a measurement. Of the one that warms up only the connections count: they
// are in use later.
func (f *figure) add(m measurement, warmUp bool) {
	f.connections += m.connections
	if warmUp {
		return
	}
	f.failed += m.Failed
	q := m.Quantiles(0.5, 0.99)
	f.rates, f.p50, f.p99 = append(f.rates, m.Rate()), append(f.p50, q[0]), append(f.p99, q[1])
}

func newTable(title string) report.Table {
	return report.Table{Head: []string{title, "at a time", "requests/s, median (least to most)", "p50 / p99", "connections made", "failed"}}
}

func (f *figure) row() []string {
	return []string{
		f.name, strconv.Itoa(f.atATime),
		fmt.Sprintf("%.0f (%.0f to %.0f)", median(f.rates), slices.Min(f.rates), slices.Max(f.rates)),
		fmt.Sprintf("%.1f / %.1f ms", median(f.p50), median(f.p99)),
		fmt.Sprintf("%.0f", f.connections), strconv.Itoa(f.failed),
	}
}

func median(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}
