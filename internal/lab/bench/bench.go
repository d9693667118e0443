// Package bench measures the figures of docs/performance.md: the size of the programs, how fast
// the shop opens and what memory it takes, what a call, a page and a live shelf cost beside the
// least that they could cost, what telemetry and mutual TLS add to that, how evenly calls are
// spread, and what a new replica and one that stops cost.
//
// Times vary from machine to machine, and on one machine from minute to minute. So what is
// compared is measured in turn within one run, and what is claimed is the ratio.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"bookstall/internal/lab/report"
)

// Command measures the programs built by `make build`.
type Command struct {
	Only     []string      `help:"Sections to measure, separated by commas; all if empty: size, opening, balance, calls, telemetry, json, pages, shelves, tls." placeholder:"NAME"`
	Rounds   int           `help:"Rounds in which contenders take turns, after one to warm up. Figures are medians." default:"5"`
	Turn     time.Duration `help:"Length of one turn." default:"1s"`
	Bin      string        `help:"Folder of the built programs." default:"bin"`
	Released string        `help:"Folder of the built programs of an earlier version, whose start and memory are measured beside; none if empty." placeholder:"DIR"`
	Write    bool          `help:"When all sections were measured, write the tables of docs/performance.md, docs/performance.json and docs/performance.svg."`
	Out      string        `help:"File for the figures as JSON." placeholder:"FILE"`
	Root     string        `help:"Folder of the repository, for --write." default:"."`
}

// Validate is called by kong.
func (c *Command) Validate() error {
	var errs []error
	if c.Rounds < 1 {
		errs = append(errs, fmt.Errorf("--rounds is %d, want 1 or more", c.Rounds))
	}
	if c.Turn < 10*time.Millisecond {
		errs = append(errs, fmt.Errorf("--turn is %v, want 10ms or more", c.Turn))
	}
	_, err := c.chosen()
	return errors.Join(append(errs, err)...)
}

// bench is one run.
type bench struct {
	bin, released string
	contender     []string // command that runs a Contender
	turns         turns
	settle        time.Duration // time until memory counts as idle
	shelves       int           // live shelves that are opened
	shopArgs      []string      // more flags of the shop, for the section balance
}

// measurements are the sections in the order in which they are measured.
func measurements() []measurement {
	return []measurement{
		{"size", (*bench).measureSize},
		{"opening", (*bench).measureOpening},
		{"balance", (*bench).measureBalance},
		{"calls", (*bench).measureCalls},
		{"telemetry", (*bench).measureTelemetry},
		{"json", (*bench).measureJSON},
		{"pages", (*bench).measurePages},
		{"shelves", (*bench).measureShelves},
		{"tls", (*bench).measureTLS},
	}
}

type measurement struct {
	name    string
	measure func(*bench, context.Context) (section, error)
}

// chosen returns the measurements that were asked for.
func (c *Command) chosen() ([]measurement, error) {
	all := measurements()
	for _, name := range c.Only {
		if !slices.ContainsFunc(all, func(m measurement) bool { return m.name == name }) {
			return nil, fmt.Errorf("no section %q", name)
		}
	}
	if len(c.Only) == 0 {
		return all, nil
	}
	return slices.DeleteFunc(all, func(m measurement) bool { return !slices.Contains(c.Only, m.name) }), nil
}

// Run prints the figures as tables.
func (c *Command) Run(ctx context.Context, stdout io.Writer) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	return c.run(ctx, []string{own, "contender"}, stdout)
}

func (c *Command) run(ctx context.Context, contender []string, stdout io.Writer) error {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	b := &bench{bin: c.Bin, released: c.Released, contender: contender, turns: turns{c.Rounds, c.Turn}, settle: 5 * time.Second, shelves: 1000}
	r := result{Machine: report.Machine(), Rounds: c.Rounds, Turn: c.Turn.String()}
	fmt.Fprintf(stdout, "%s\n", r.Machine)
	began := time.Now()
	for _, m := range chosen {
		s, err := m.measure(b, ctx)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		} else if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintf(stdout, "\n%s", s.markdown())
		r.Sections = append(r.Sections, s)
	}
	r.Seconds = time.Since(began).Round(time.Second).Seconds()
	fmt.Fprintf(stdout, "\nmeasured in %v; not met: %s\n", time.Since(began).Round(time.Second), strings.Join(append(r.missed(), ""), "; "))
	if c.Out != "" {
		if err := r.writeJSON(c.Out); err != nil {
			return err
		}
	}
	if !c.Write {
		return nil
	}
	if len(chosen) < len(measurements()) {
		return errors.New("--write needs all sections: nothing is written")
	}
	return r.write(c.Root)
}

func seconds(n float64) string { return fmt.Sprintf("%.2f s", n) }

func times(ratio float64) string { return fmt.Sprintf("%.2f ×", ratio) }
