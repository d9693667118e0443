// Command soak makes a million calls at the built programs on loopback, with
// writes, live shelves and replicas that come and go, and says whether goroutines,
// files or heap of the processes that live through all of it grow. It needs no
// cluster and no rights. It must not import a package of either service.
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
	"strings"
	"syscall"

	"bookstall/internal/lab/fleet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// settings are what the program was told.
type settings struct {
	calls          int64
	workers        int
	verbose, write bool
	bin, root      string
}

const (
	leastCalls  = 1000 // fewer say nothing
	mostWorkers = 1000
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Int64Var(&s.calls, "calls", 1_000_000, "how many calls to make")
	flags.IntVar(&s.workers, "workers", 16, "how many readers call at a time, one call after another each")
	flags.BoolVar(&s.verbose, "v", false, "print what happens between the quiet points, too")
	flags.BoolVar(&s.write, "write", false, "write docs/soak.svg and the table of docs/reliability.md")
	flags.StringVar(&s.bin, "bin", "", "folder of the built programs; they are built if empty")
	flags.StringVar(&s.root, "root", ".", "folder of the repository, for -write")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.validate(flags.Args()); err != nil {
		return err
	}
	return s.soak(ctx, stdout)
}

func (s settings) validate(rest []string) error {
	var errs []error
	if s.calls < leastCalls {
		errs = append(errs, fmt.Errorf("-calls is %d, want %d or more", s.calls, leastCalls))
	}
	if s.workers < 1 || s.workers > mostWorkers {
		errs = append(errs, fmt.Errorf("-workers is %d, want 1 to %d", s.workers, mostWorkers))
	}
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("unknown argument %q", rest[0]))
	}
	return errors.Join(errs...)
}

func (s settings) soak(ctx context.Context, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bookstall-soak-")
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
	fmt.Fprintf(stdout, "%s, %d CPUs, %s/%s; %s calls by %d workers\n",
		runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, grouped(s.calls), s.workers)
	r, err := s.play(ctx, dir, stdout)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%s\n%s\n", r.table(), r.summary())
	if s.write {
		if err := r.write(s.root); err != nil {
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
