// Package drills puts the built programs through rollouts, losses and bad networks
// on loopback, under a steady load of readers, and reports for each drill what
// readers saw and whether that is within its limits. It needs no cluster. Drills
// that need what the machine lacks, root on Linux or PostgreSQL, are skipped and
// counted.
package drills

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/report"
)

// Command runs drills.
type Command struct {
	List     bool     `help:"List the drills and run none."`
	Names    []string `name:"run" help:"Drills to run, separated by commas; all if empty." placeholder:"NAME"`
	Verbose  bool     `short:"v" help:"Print a timeline of each drill."`
	Write    bool     `help:"Write docs/drills/NAME.svg and, when all drills ran, the table of docs/reliability.md."`
	Fallback bool     `help:"Self-test: use a shop that always falls back; every drill must then fail."`
	Bin      string   `help:"Folder of the built programs; they are built if empty." placeholder:"DIR"`
	Root     string   `help:"Folder of the repository, for --write." default:"."`
}

// Run runs the drills and fails unless all of them pass.
func (c *Command) Run(ctx context.Context, stdout io.Writer) error {
	chosen, err := choose(c.Names)
	if err != nil {
		return err
	}
	if c.List {
		for _, d := range chosen {
			fmt.Fprintf(stdout, "%-22s %s\n", d.name, d.shows)
		}
		return nil
	}
	return c.runAll(ctx, chosen, stdout)
}

// choose returns the drills with these names, in their own order; all for no names.
func choose(names []string) ([]drill, error) {
	chosen := slices.DeleteFunc(all(), func(d drill) bool { return len(names) > 0 && !slices.Contains(names, d.name) })
	for _, name := range names {
		if !slices.ContainsFunc(chosen, func(d drill) bool { return d.name == name }) {
			return nil, fmt.Errorf("no drill %q; --list lists them", name)
		}
	}
	return chosen, nil
}

func (c *Command) runAll(ctx context.Context, chosen []drill, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bookstall-drills-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	opts := options{bin: c.Bin, fallback: c.Fallback}
	if opts.bin == "" {
		opts.bin = filepath.Join(dir, "bin")
		if err := fleet.Build(ctx, opts.bin); err != nil {
			return err
		}
	}
	if c.Verbose {
		opts.log = stdout
	}
	fmt.Fprintf(stdout, "%s; %d calls a second\n%s\n", report.Machine(), rate, heading)
	began := time.Now()
	var results []result
	failed, skipped := 0, 0
	for _, d := range chosen {
		if d.needs != nil {
			if lacks := d.needs(); lacks != nil {
				fmt.Fprintf(stdout, "SKIP (counted): %s: %v\n", d.name, lacks)
				skipped++
				continue
			}
		}
		opts.dir = filepath.Join(dir, d.name)
		r := d.run(ctx, opts)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		fmt.Fprintln(stdout, r.line())
		results = append(results, r)
		if !r.passed() {
			failed++
		}
		if c.Write {
			if err := r.writePicture(c.Root); err != nil {
				return err
			}
		}
	}
	aside := ""
	if skipped > 0 {
		aside = fmt.Sprintf(", %d skipped", skipped)
	}
	fmt.Fprintf(stdout, "%d of %d drills passed%s, in %v\n", len(results)-failed, len(results), aside, time.Since(began).Round(time.Second))
	if c.Write && len(results) == len(all()) {
		if err := report.Rewrite(filepath.Join(c.Root, document), "make drills", markdown(results)); err != nil {
			return err
		}
	} else if c.Write && skipped > 0 {
		fmt.Fprintf(stdout, "%s is not written, as not all drills ran\n", document)
	}
	switch {
	case c.Fallback && failed < len(results):
		return fmt.Errorf("%d drills passed with a shop that always falls back", len(results)-failed)
	case !c.Fallback && failed > 0:
		return fmt.Errorf("%d of %d drills failed", failed, len(results))
	}
	return nil
}
