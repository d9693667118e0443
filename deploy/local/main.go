// Command local is the runner behind make run: it starts the whole shop on this
// machine from built binaries, three recommendations replicas, a DNS server
// that answers for those that are SERVING, and marketplace; shows the logs of
// all; restarts what dies; and ends everything on Ctrl-C.
//
// It knows the services by their settings and their health only, as a cluster
// does, so it must not import either service nor any package they share;
// dnsserver is its only import of this project.
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

// run is the program: 0 after an orderly end, 1 when the shop could not be
// started or had to be cut short, 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	bin := flags.String("bin", "bin", "`directory` of the built marketplace and recommendations")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "local takes no arguments, only -bin; got %q\n", flags.Args())
		return 2
	}
	return runLayout(ctx, standardLayout(*bin), stdout, stderr)
}

// runLayout runs the shop at the addresses of l. Nothing is started before all
// that can be checked is.
func runLayout(ctx context.Context, l layout, stdout, stderr io.Writer) int {
	stop, kill, release := interrupts(ctx)
	defer release()

	l, note, err := prepare(l)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}

	// An output that nobody reads any more (make run | head) ends the shop too.
	stop, cancel := context.WithCancel(stop)
	defer cancel()
	out := newOutput(stdout, l.names(), coloured(stdout), cancel)
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
