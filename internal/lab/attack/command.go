// Package attack does to the built programs what a stranger could: it sends what takes
// memory, time, connections and slots, and what other programs would execute. It reports
// for each attack what the programs held, what a reader beside noticed, and how soon
// everything was given back, and whether that is within its limits.
package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/report"
)

// document is where results are written, below the folder of the repository.
const document = "docs/security.md"

// Command makes attacks.
type Command struct {
	List  bool     `help:"List the attacks and make none."`
	Only  []string `help:"Attacks to make, separated by commas; all if empty." placeholder:"NAME"`
	Write bool     `help:"When all attacks were made, write the table of docs/security.md."`
	Bin   string   `help:"Folder of the built programs; they are built if empty." placeholder:"DIR"`
	Root  string   `help:"Folder of the repository, for --write." default:"."`
	Logs  string   `help:"File for the logs of the programs." placeholder:"FILE"`
}

// Run makes the attacks and fails unless all are withstood.
func (c *Command) Run(ctx context.Context, stdout io.Writer) error {
	chosen, err := choose(c.Only)
	if err != nil {
		return err
	}
	if c.List {
		for _, a := range chosen {
			fmt.Fprintf(stdout, "%-20s %s\n", a.name, a.shows)
		}
		return nil
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	return c.makeAll(ctx, chosen, options{attacker: []string{own, "assail"}, share: 1, length: 4 * time.Second, quiet: 6 * time.Second}, stdout)
}

// options are how attacks are made.
type options struct {
	attacker []string      // command of the attacker's process
	share    float64       // of the full counts
	length   time.Duration // what one attack may take
	quiet    time.Duration // without an attack, for comparison
	unpaced  bool          // lets the attacker run all the time
}

func (c *Command) makeAll(ctx context.Context, chosen []attack, opts options, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bookstall-attack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bin := c.Bin
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		if err := fleet.Build(ctx, bin); err != nil {
			return err
		}
	}
	log := io.Discard
	if c.Logs != "" {
		file, err := os.Create(c.Logs)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		log = file
	}
	t, err := newTarget(ctx, bin, "sqlite:"+filepath.Join(dir, "store.db"), log, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	fmt.Fprintf(stdout, "%s; without an attack a reader has p50 %.1f, p99 %.1f ms\n%s\n", report.Machine(), t.quiet.P50, t.quiet.P99, heading)
	began := time.Now()
	var results []result
	failed := 0
	for _, a := range chosen {
		r, err := t.suffer(ctx, a)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		} else if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		fmt.Fprintln(stdout, r.line())
		results = append(results, r)
		if len(r.faults) > 0 {
			failed++
		}
	}
	took := time.Since(began).Round(time.Second)
	fmt.Fprintf(stdout, "%d of %d attacks withstood, in %v\n", len(results)-failed, len(results), took)
	if c.Write && len(results) == len(all()) {
		if err := report.Rewrite(filepath.Join(c.Root, document), "make attack", markdown(t, results, took)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d attacks were not withstood", failed, len(results))
	}
	return nil
}
