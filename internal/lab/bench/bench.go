// Package bench measures the figures of docs/performance.md: the size of the
// programs, how fast the shop opens and what memory it takes, how evenly calls are
// spread, and what a new replica and one that stops cost.
package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"bookstall/internal/lab/report"
)

// Command measures the programs that make build built.
type Command struct {
	Bin string `help:"Folder of the built programs." default:"bin"`
}

// Run prints the figures as tables.
func (c *Command) Run(ctx context.Context, stdout io.Writer) error {
	fmt.Fprintf(stdout, "%s\n\n", report.Machine())
	for _, measure := range []func(context.Context, string) (figures, error){
		measureSize, measureOpening, func(ctx context.Context, bin string) (figures, error) { return measureBalance(ctx, bin) },
	} {
		f, err := measure(ctx, c.Bin)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, f.table().Markdown())
	}
	return nil
}

// figures are those of one table.
type figures struct {
	title string
	list  []figure
}

// figure is one measurement with its aim, "" if it has none.
type figure struct {
	what, got, aim string
	met            bool
}

func (f *figures) add(what, got, aim string, met bool) {
	f.list = append(f.list, figure{what, got, aim, met})
}

func (f figures) table() report.Table {
	t := report.Table{Head: []string{f.title, "measured", "aim", "met"}}
	for _, r := range f.list {
		met := "no"
		switch {
		case r.aim == "":
			met = ""
		case r.met:
			met = "yes"
		}
		t.Add(r.what, r.got, r.aim, met)
	}
	return t
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
