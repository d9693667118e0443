// Command drills puts the built programs through rollouts, losses and bad networks
// on loopback, under a steady load of readers, and says of each drill what readers
// saw and whether that is within its limits. It needs no cluster. Drills that need
// what the machine lacks, root on Linux or PostgreSQL, are skipped, and counted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"bookstall/internal/lab/fleet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "drills:", err)
		os.Exit(1)
	}
}

// settings are what the program was told.
type settings struct {
	list, verbose, write, fallback bool
	names, bin, root               string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("drills", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&s.list, "list", false, "name the drills, and run none")
	flags.StringVar(&s.names, "run", "", "`names` of the drills to run, with commas between; all if empty")
	flags.BoolVar(&s.verbose, "v", false, "print a timeline of each drill")
	flags.BoolVar(&s.write, "write", false, "write the table of docs/reliability.md, when all drills run, and docs/drills/NAME.svg")
	flags.BoolVar(&s.fallback, "fallback", false, "let readers call a shop that only ever falls back: then every drill must fail")
	flags.StringVar(&s.bin, "bin", "", "folder of the built programs; they are built if empty")
	flags.StringVar(&s.root, "root", ".", "folder of the repository, for -write")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	chosen, err := choose(s.names)
	if err != nil {
		return err
	}
	if s.list {
		for _, d := range chosen {
			fmt.Fprintf(stdout, "%-22s %s\n", d.name, d.shows)
		}
		return nil
	}
	return s.runAll(ctx, chosen, stdout)
}

// choose returns the drills of these names, in their own order; all for none.
func choose(names string) ([]drill, error) {
	if names == "" {
		return all(), nil
	}
	wanted := strings.Split(names, ",")
	var chosen []drill
	for _, d := range all() {
		if i := slices.Index(wanted, d.name); i >= 0 {
			chosen = append(chosen, d)
			wanted = slices.Delete(wanted, i, i+1)
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("no drill %q; -list names them", wanted[0])
	}
	return chosen, nil
}

func (s settings) runAll(ctx context.Context, chosen []drill, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bookstall-drills-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if s.bin == "" {
		s.bin = filepath.Join(dir, "bin")
		if err := fleet.Build(ctx, s.bin); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%s, %d CPUs, %s/%s; %d calls a second\n%s\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, rate, heading)
	began := time.Now()
	var results []result
	failed, skipped := 0, 0
	for _, d := range chosen {
		if lacks := d.lacks(); lacks != nil {
			fmt.Fprintf(stdout, "SKIP (counted): %s: %v\n", d.name, lacks)
			skipped++
			continue
		}
		opts := options{bin: s.bin, dir: filepath.Join(dir, d.name), fallback: s.fallback}
		if s.verbose {
			opts.log = stdout
		}
		r := d.run(ctx, opts)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		fmt.Fprintln(stdout, r.line())
		results = append(results, r)
		if !r.passed() {
			failed++
		}
		if s.write {
			if err := r.writePicture(s.root); err != nil {
				return err
			}
		}
	}
	aside := ""
	if skipped > 0 {
		aside = fmt.Sprintf(", %d skipped", skipped)
	}
	fmt.Fprintf(stdout, "%d of %d drills passed%s, in %v\n", len(results)-failed, len(results), aside, time.Since(began).Round(time.Second))
	if s.write && len(results) == len(all()) {
		if err := writeTable(s.root, results); err != nil {
			return err
		}
	} else if s.write && skipped > 0 {
		fmt.Fprintf(stdout, "%s is not written, as not all drills ran\n", document)
	}
	switch {
	case s.fallback && failed < len(results):
		return fmt.Errorf("%d drills passed with a shop that only falls back", len(results)-failed)
	case !s.fallback && failed > 0:
		return fmt.Errorf("%d of %d drills failed", failed, len(results))
	}
	return nil
}
