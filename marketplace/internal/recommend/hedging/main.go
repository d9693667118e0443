// Command hedging measures what it would bring to make a call of recommendations
// a second time when its answer is late, and what it would cost: the shop's client
// with and without it, side by side, on three replicas that go through several
// things. docs/decisions/0003-no-hedging.md rests on it; the shop does not use it.
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
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hedging:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("hedging", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built programs")
	var p plan
	flags.IntVar(&p.rounds, "rounds", 7, "times that each client is driven in each scenario")
	flags.DurationVar(&p.turn, "turn", time.Second, "how long, when it is alone; three times that when all are driven at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if p.rounds < 1 || p.turn < 100*time.Millisecond {
		return errors.New("want -rounds of at least 1 and a -turn of at least 100ms")
	}
	fmt.Fprintf(stdout, "%s, %d CPUs, %s/%s; %d rounds; second calls are %.0f %% at most; p50, p99 and worst are medians over the rounds, p99.9 is of all calls\n",
		runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, p.rounds, 100*budgetPart)
	free, few := scenarios()
	for _, half := range []struct {
		list []scenario
		args []string
	}{{free, nil}, {few, []string{"--max-calls=" + strconv.Itoa(fewPlaces)}}} {
		results, err := measure(ctx, *bin, p, half.list, half.args...)
		if err != nil {
			return err
		}
		for _, m := range results {
			m.print(stdout)
		}
	}
	return nil
}

// print writes one table. Times are medians over the rounds, but p99.9, which is of
// all calls; the ratio is to the client without hedging in the same round.
func (m measured) print(w io.Writer) {
	fmt.Fprintf(w, "\n| %s: second call after | p50 / p99 / worst | ratio of p99 (quartiles) | p99.9 | second calls; won; to the same replica | timed out / refused / else | good a second |\n"+
		"|---|---|---|---|---|---|---|\n", m.name)
	for i, blocks := range m.blocks {
		t := sum(blocks)
		n := float64(len(t.took))
		fmt.Fprintf(w, "| %s | %.1f / %.1f / %.1f ms | %s | %.1f ms | %s | %d / %d / %d of %.0f | %.0f |\n",
			m.ways[i], ms(over(blocks, 0.5)), ms(over(blocks, 0.99)), ms(over(blocks, 1)), ratios(blocks, m.blocks[0]),
			ms(quantile(t.took, 0.999)), secondCalls(t), t.timedOut, t.refused, t.other, n, float64(t.good)/t.elapsed.Seconds())
	}
}

// sum adds up rounds.
func sum(blocks []block) (t block) {
	for _, b := range blocks {
		t.took = append(t.took, b.took...)
		t.good += b.good
		t.timedOut, t.refused, t.other = t.timedOut+b.timedOut, t.refused+b.refused, t.other+b.other
		t.sent, t.won, t.same = t.sent+b.sent, t.won+b.won, t.same+b.same
		t.elapsed += b.elapsed
	}
	slices.Sort(t.took)
	return t
}

// over returns the median over the rounds of a quantile.
func over(blocks []block, q float64) time.Duration {
	var list []time.Duration
	for _, b := range blocks {
		list = append(list, quantile(b.took, q))
	}
	slices.Sort(list)
	return quantile(list, 0.5)
}

func ratios(blocks, base []block) string {
	var list []float64
	for i, b := range blocks {
		list = append(list, float64(quantile(b.took, 0.99))/float64(quantile(base[i].took, 0.99)))
	}
	slices.Sort(list)
	at := func(q float64) float64 { return list[int(q*float64(len(list)-1))] }
	return fmt.Sprintf("%.2f (%.2f to %.2f)", at(0.5), at(0.25), at(0.75))
}

func secondCalls(t block) string {
	if t.sent == 0 {
		return "0"
	}
	of := func(n int64) float64 { return 100 * float64(n) / float64(t.sent) }
	return fmt.Sprintf("%.1f %%; %.0f %%; %.0f %%", 100*float64(t.sent)/float64(len(t.took)), of(t.won), of(t.same))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
