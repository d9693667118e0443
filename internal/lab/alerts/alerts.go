// Package alerts runs drills and incidents beside a real Prometheus with the chart's rules,
// and reports for each which alerts fired: those of a table, in time, and no other. A minute
// of the rules is a second here: windows and the time that an alert waits are 60 times
// shorter; limits in seconds, such as the age of a list, are as they are.
package alerts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bookstall/internal/lab/drills"
	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/report"
)

// document is what --write writes to, below the folder of the repository.
const document = "docs/alerts.md"

// Command runs drills beside a Prometheus.
type Command struct {
	List       bool     `help:"List what is run, with the alerts that must fire, and run nothing."`
	Names      []string `name:"run" help:"Drills and incidents to run, separated by commas; all if empty." placeholder:"NAME"`
	Verbose    bool     `short:"v" help:"Print a timeline of each drill."`
	Write      bool     `help:"Write the table of docs/alerts.md, if everything ran."`
	Bin        string   `help:"Folder of the built programs; they are built if empty." placeholder:"DIR"`
	Root       string   `help:"Folder of the repository." default:"."`
	Prometheus string   `help:"The program prometheus." default:".tools/bin/prometheus" placeholder:"FILE"`
}

// Run runs the drills and fails unless each fires what it must.
func (c *Command) Run(ctx context.Context, stdout io.Writer) (err error) {
	chosen, err := choose(c.Names)
	if err != nil {
		return err
	}
	if c.List {
		for _, e := range chosen {
			fmt.Fprintf(stdout, "%-22s %s\n", e.drill, orNone(strings.Join(e.names(), ", ")))
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "bookstall-alerts-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := runner{command: c, dir: dir, rules: filepath.Join(dir, "rules.yaml"), bin: c.Bin}
	if err := writeScaled(filepath.Join(c.Root, chartRules), r.rules); err != nil {
		return err
	}
	if r.bin == "" {
		r.bin = filepath.Join(dir, "bin")
		if err := fleet.Build(ctx, r.bin); err != nil {
			return err
		}
	}
	if c.Verbose {
		r.log = stdout
	}
	results, skipped := []result(nil), 0
	failed := 0
	for _, e := range chosen {
		watched, err := drills.ToWatch(e.drill)
		if err != nil {
			return err
		}
		if lacks := watched.Lacks(); lacks != nil {
			fmt.Fprintf(stdout, "SKIP (counted): %s: %v\n", e.drill, lacks)
			skipped++
			continue
		}
		res := r.run(ctx, e, watched)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		fmt.Fprintln(stdout, res.line())
		results = append(results, res)
		if len(res.faults) > 0 {
			failed++
		}
	}
	aside := ""
	if skipped > 0 {
		aside = fmt.Sprintf(", %d skipped", skipped)
	}
	fmt.Fprintf(stdout, "%d of %d fired what they must and nothing else%s\n", len(results)-failed, len(results), aside)
	if c.Write && len(results) == len(expected()) {
		if err := report.Rewrite(filepath.Join(c.Root, document), "make alerts", markdown(results)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d failed", failed, len(results))
	}
	return nil
}

// choose returns what is expected of the drills with these names; of all for no names.
func choose(names []string) ([]expectation, error) {
	chosen := slices.DeleteFunc(expected(), func(e expectation) bool { return len(names) > 0 && !slices.Contains(names, e.drill) })
	for _, name := range names {
		if !slices.ContainsFunc(chosen, func(e expectation) bool { return e.drill == name }) {
			return nil, fmt.Errorf("no drill %q; --list lists them", name)
		}
	}
	return chosen, nil
}

// runner runs drills beside a Prometheus each.
type runner struct {
	command    *Command
	bin        string
	dir, rules string
	log        io.Writer
}

func (r runner) run(ctx context.Context, e expectation, d drills.Watched) (res result) {
	res = result{expectation: e, shows: d.Shows}
	err := d.Run(ctx, r.bin, r.dir, r.log, func(ctx context.Context, f *fleet.Fleet) (func(time.Time), error) {
		p, err := startPrometheus(ctx, r.command.Prometheus, filepath.Join(r.dir, e.drill+"-prometheus"), r.rules, func() []target { return targets(f) })
		if err != nil {
			return nil, err
		}
		return func(event time.Time) {
			fired, err := p.fired(ctx)
			if err = errors.Join(err, p.stop()); err != nil {
				res.fail("%v", err)
				return
			}
			res.judge(event, fired)
		}, nil
	})
	if err != nil {
		res.fail("%v", err)
	}
	return res
}

// result is which alerts a drill fired.
type result struct {
	expectation

	shows  string
	after  map[string]time.Duration // from the drill's first event
	faults []string                 // why it fails
}

func (r *result) fail(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// judge compares the alerts that fired, with the time when they first did, to those that
// are expected.
func (r *result) judge(event time.Time, fired map[string]time.Time) {
	r.after = map[string]time.Duration{}
	for _, name := range slices.Sorted(maps.Keys(fired)) {
		took := fired[name].Sub(event)
		within, wanted := r.within(name)
		switch {
		case !wanted:
			r.fail("%s fired", name)
			continue
		case took > within:
			r.fail("%s fired after %.0f s, want %v at most", name, took.Seconds(), within)
		}
		r.after[name] = took
	}
	for _, name := range r.names() {
		if _, ok := fired[name]; !ok {
			r.fail("%s did not fire", name)
		}
	}
}

func (r *result) line() string {
	verdict := "pass"
	if len(r.faults) > 0 {
		verdict = "FAIL: " + strings.Join(r.faults, "; ")
	}
	return fmt.Sprintf("%-22s %s: %s", r.drill, verdict, orNone(r.alerts(" ")))
}

// alerts lists the alerts that had to fire, with the time that each took.
func (r *result) alerts(between string) string {
	var list []string
	for _, name := range r.names() {
		if took, ok := r.after[name]; ok {
			list = append(list, fmt.Sprintf("%s (%.0f s)", name, max(0, took.Seconds())))
		}
	}
	return strings.Join(list, between)
}

func orNone(list string) string {
	if list == "" {
		return "none"
	}
	return list
}

func markdown(results []result) string {
	t := report.Table{Head: []string{"drill", "what happens", "alerts that fire, and after how long", "verdict"}}
	for _, r := range results {
		verdict := "pass"
		if len(r.faults) > 0 {
			verdict = "**FAIL**: " + strings.Join(r.faults, "; ")
		}
		t.Add(r.drill, r.shows, orNone(r.alerts(", ")), verdict)
	}
	return t.Markdown()
}
