// Command load sends a steady load of readers' page and API calls to a shop and
// reports how they ended. On a cluster it runs in a pod of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bookstall/internal/lab/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// run sends the load until it is over or ctx ends, and prints the report either way.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	// With -json the report alone goes to stdout, on one line: it is the last line of
	// a pod's log.
	lines := stdout
	if s.json {
		lines = stderr
	}
	s.load.Waiting = func(reason error, most time.Duration) {
		fmt.Fprintf(stderr, "waiting up to %v for the shop: %v\n", most, reason)
	}
	s.load.Progress = func(r load.Report) { fmt.Fprintln(lines, r.Line()) }
	report, err := load.Run(ctx, s.load)
	if err != nil {
		return err
	}
	fmt.Fprintln(lines, "in all", report.Line())
	for reason, n := range report.Reasons {
		fmt.Fprintf(lines, "failed %d times: %s\n", n, reason)
	}
	if s.file != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.file, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if s.json {
		return json.NewEncoder(stdout).Encode(report)
	}
	return nil
}
