// Package soak sends a million calls to the built programs on loopback, with
// writes, live shelves and replicas that come and go, and reports whether
// goroutines, files or heap of the processes that live through all of it grow. It
// needs no cluster and no privileges.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/report"
)

// Command runs a soak.
type Command struct {
	Calls   int64  `help:"How many calls to make." default:"1000000"`
	Workers int    `help:"How many readers call at a time, each one call after another." default:"16"`
	Verbose bool   `short:"v" help:"Also print what happens between the quiet points."`
	Write   bool   `help:"Write docs/soak.svg and the table of docs/reliability.md."`
	Bin     string `help:"Folder of the built programs; they are built if empty." placeholder:"DIR"`
	Root    string `help:"Folder of the repository, for --write." default:"."`
}

const (
	leastCalls  = 1000 // fewer show nothing
	mostWorkers = 1000
)

// Validate is called by kong.
func (c *Command) Validate() error {
	var errs []error
	if c.Calls < leastCalls {
		errs = append(errs, fmt.Errorf("--calls is %d, want %d or more", c.Calls, leastCalls))
	}
	if c.Workers < 1 || c.Workers > mostWorkers {
		errs = append(errs, fmt.Errorf("--workers is %d, want 1 to %d", c.Workers, mostWorkers))
	}
	return errors.Join(errs...)
}

// Run runs the soak and fails if something grew, or a call failed.
func (c *Command) Run(ctx context.Context, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bookstall-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	settings := *c
	if settings.Bin == "" {
		settings.Bin = filepath.Join(dir, "bin")
		if err := fleet.Build(ctx, settings.Bin); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%s; %s calls by %d workers\n", report.Machine(), grouped(c.Calls), c.Workers)
	r, err := play(ctx, settings, dir, stdout)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%s\n%s\n", r.table().Text(), r.summary())
	if c.Write {
		if err := r.write(c.Root); err != nil {
			return err
		}
	}
	faults := r.faults()
	if len(faults) == 0 {
		fmt.Fprintln(stdout, "pass")
		return nil
	}
	fmt.Fprintln(stdout, "FAIL: "+strings.Join(faults, "; "))
	return errors.New("something grew, or failed")
}
