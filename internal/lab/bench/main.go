// Command bench prints the figures of docs/performance.md as tables: how fast
// the shop opens and how small it is, how evenly calls are spread, what a new
// and a stopping replica cost. It runs the programs that make build built.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "folder of the built programs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s, %d CPUs, %s/%s\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	for _, measure := range []func(context.Context, string) (table, error){
		measureSize, measureOpening, measureBalance,
	} {
		t, err := measure(ctx, *bin)
		if err != nil {
			return err
		}
		t.print(stdout)
	}
	return nil
}

// table is one table of figures.
type table struct {
	title string
	rows  []row
}

// row is one figure, what was aimed at, and whether it is met.
type row struct {
	what, got, aim string
	met            bool
}

func (t table) print(w io.Writer) {
	fmt.Fprintf(w, "| %s | measured | aim | met |\n|---|---|---|---|\n", t.title)
	for _, r := range t.rows {
		met := "no"
		switch {
		case r.aim == "":
			met = ""
		case r.met:
			met = "yes"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", r.what, r.got, r.aim, met)
	}
	fmt.Fprintln(w)
}
