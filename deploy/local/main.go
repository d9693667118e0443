// Command local is the runner behind make run. It starts the whole shop on this
// machine from built binaries: replicas of recommendations, a DNS server that
// resolves to those that are SERVING, and marketplace. It says what runs where, shows
// the logs of all of them, restarts a process that exits, and stops everything on Ctrl-C.
//
// Like a cluster, it knows the services only by their settings and their health.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns 0 after an orderly shutdown, 1 if the shop could not
// start or was killed, and 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "`directory` of the binaries marketplace and recommendations")
	replicas := flags.Int("replicas", 3, "`number` of replicas of recommendations, on 127.0.0.2, 127.0.0.3 and so on")
	chosen := standardPorts()
	flags.IntVar(&chosen.shop, "port", chosen.shop, "`port` of the shop")
	flags.IntVar(&chosen.admin, "admin-port", chosen.admin, "`port` of health and metrics, of the shop and of each replica")
	tls := flags.Bool("tls", false, "mutual TLS between the shop and the replicas, with certificates that are renewed while it runs")
	prometheus := flags.String("prometheus", "", "`program` of a Prometheus to run beside the shop, with its alerts")
	traced := flags.Bool("traces", false, "a page with the last traces, unless a variable OTEL_… sends them elsewhere")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "local takes no arguments except -bin, -replicas, -port, -admin-port, -tls, -prometheus and -traces; got %q\n", flags.Args())
		return 2
	case *replicas < 1 || *replicas > mostReplicas:
		fmt.Fprintf(stderr, "-replicas is %d, want 1 to %d\n", *replicas, mostReplicas)
		return 2
	}
	if err := chosen.check(); err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	l := standardLayout(*bin, *replicas, chosen)
	if *tls {
		l.certLife = standardLife
	}
	l.prometheus = *prometheus
	if *traced && !tracesGoElsewhere() {
		l.otlp, l.traces = standardOTLP, standardTraces
	}
	return runLayout(ctx, l, stdout, stderr)
}

// runLayout runs the shop with the layout l. It checks everything that it can before
// it starts the first process.
func runLayout(ctx context.Context, l layout, stdout, stderr io.Writer) int {
	stop, kill, release := interrupts(ctx)
	defer release()

	l, note, err := prepare(l)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}

	// A closed output (make run | head) also stops the shop.
	stop, cancel := context.WithCancel(stop)
	defer cancel()
	out := newOutput(stdout, l.names(), styleOf(stdout), cancel)
	defer out.close()
	if note != "" {
		out.say("%s", note)
	}

	if err := runShop(stop, kill, l, out); err != nil {
		out.say("%v", err)
		return 1
	}
	if kill.Err() != nil || out.broken() {
		return 1
	}
	return 0
}
