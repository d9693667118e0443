// Package bench measures the figures of docs/performance.md: the size of the
// programs, how fast the shop opens and what memory it takes, how evenly calls are
// spread, what a new replica and one that stops cost, and what mutual TLS does.
package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"bookstall/internal/lab/report"
)

// Command measures the programs built by `make build`.
type Command struct {
	Bin string `help:"Folder of the built programs." default:"bin"`
	TLS bool   `name:"tls" help:"Measure mutual TLS alone."`
}

// Run prints the figures as tables.
func (c *Command) Run(ctx context.Context, stdout io.Writer) error {
	fmt.Fprintf(stdout, "%s\n\n", report.Machine())
	all := []func(context.Context, string) (figures, error){
		measureSize, measureOpening, func(ctx context.Context, bin string) (figures, error) { return measureBalance(ctx, bin) }, measureTLS,
	}
	if c.TLS {
		all = all[len(all)-1:]
	}
	for _, measure := range all {
		f, err := measure(ctx, c.Bin)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, f.Markdown())
	}
	return nil
}

// figures are a table of measurements, each with its aim, "" if it has none.
type figures struct{ report.Table }

func newFigures(title string) figures {
	return figures{report.Table{Head: []string{title, "measured", "aim", "met"}}}
}

func (f *figures) add(what, got, aim string, met bool) {
	verdict := "yes"
	switch {
	case aim == "":
		verdict = ""
	case !met:
		verdict = "no"
	}
	f.Add(what, got, aim, verdict)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
