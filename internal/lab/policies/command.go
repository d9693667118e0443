// Package policies measures package balance on replicas of unequal speed: how the policies
// of grpc-go share out the calls when one replica is half as fast as the others, and what a
// new replica that is slow at first costs, with stock round_robin beside it. Clients,
// servers and DNS run in this process and talk over loopback. It needs no programs of
// Bookstall.
package policies

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"bookstall/internal/lab/report"
)

// document is where results are written, below the folder of the repository.
const document = "docs/balance.md"

// command names this command in the document.
const command = "go run ./internal/lab policies --write"

// Command measures policies.
type Command struct {
	Write bool   `help:"Write the tables of docs/balance.md."`
	Root  string `help:"Folder of the repository, for --write." default:"."`
}

// Run prints the tables.
func (c *Command) Run(ctx context.Context, stdout io.Writer) error {
	return c.run(ctx, stdout, whole())
}

// plan is how long things are measured.
type plan struct {
	learn   time.Duration // before each measurement
	measure time.Duration // of each policy
	steady  time.Duration // before a replica joins
	cold    time.Duration // in which it is slow
	joined  time.Duration // from when it joins to the end of the measurement
}

func whole() plan {
	return plan{learn: 3 * time.Second, measure: 8 * time.Second, steady: 8 * time.Second, cold: 5 * time.Second, joined: 10 * time.Second}
}

func (c *Command) run(ctx context.Context, stdout io.Writer, p plan) error {
	fmt.Fprintln(stdout, report.Machine())
	half, err := measurePolicies(ctx, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%s", half.Text())
	cold, err := measureCold(ctx, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%s", cold.Text())
	if !c.Write {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "One of three replicas takes twice as long for each call, as one with half the CPU does: each runs %d calls at a time, of %s\n"+
		"each, that one of %s. %d clients with %d callers each, who wait for the answer before they call again:\n\n%s\n",
		slots, short(callTime), short(2*callTime), clients, callers, half.Markdown())
	fmt.Fprintf(&text, "A fourth replica joins three that take %s for each call, and takes %s in its first %s. Each row is a client of its own that makes\n"+
		"%d calls a second, all at the same time; the window is the %s from its first call to the new replica:\n\n%s\n",
		short(warmTime), short(coldTime), short(p.cold), coldRate, short(p.joined), cold.Markdown())
	fmt.Fprintf(&text, "%s.\n", report.Machine())
	return report.Rewrite(filepath.Join(c.Root, document), command, text.String())
}

// short writes a time in whole milliseconds or seconds.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
