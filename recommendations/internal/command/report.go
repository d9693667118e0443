package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"bookstall/internal/atomicfile"
	"bookstall/internal/config"
	"bookstall/recommendations/internal/report"
	"bookstall/recommendations/internal/store"
)

// reportCommand sums up a store for the owner of the shop.
type reportCommand struct {
	storeFlag `embed:""`
	Weeks     int    `env:"-" help:"Weeks to report on, up to the present one." default:"8"`
	Top       int    `env:"-" help:"Books in each list." default:"10"`
	CSV       string `env:"-" name:"csv" help:"Folder to write weeks.csv, books.csv, shown.csv and models.csv to; with all books." placeholder:"DIR"`
	HTML      string `env:"-" name:"html" help:"File to write one page with charts to." placeholder:"FILE"`
}

// The most weeks and books that a report takes.
const (
	mostWeeks = 520
	mostTop   = 1000
)

// Validate is called by Kong.
func (c *reportCommand) Validate() error {
	if err := c.validate(); err != nil {
		return err
	}
	if c.Weeks < 1 || c.Weeks > mostWeeks {
		return fmt.Errorf("--weeks is %d, want 1 to %d", c.Weeks, mostWeeks)
	}
	if c.Top < 1 || c.Top > mostTop {
		return fmt.Errorf("--top is %d, want 1 to %d", c.Top, mostTop)
	}
	return nil
}

// Run prints the tables, and writes the files that were asked for.
func (c *reportCommand) Run(ctx context.Context, to config.Streams) error {
	return c.use(ctx, func(s *store.Store) error {
		r, err := report.Make(ctx, s, c.Weeks, time.Now())
		if err != nil {
			return err
		}
		if c.CSV != "" {
			if err := r.WriteCSV(c.CSV); err != nil {
				return fmt.Errorf("--csv: %w", err)
			}
		}
		if c.HTML != "" {
			err := atomicfile.Write(c.HTML, 0o644, func(w io.Writer) error { return r.WriteHTML(w, c.Top) })
			if err != nil {
				return fmt.Errorf("--html: %w", err)
			}
		}
		return r.WriteText(to.Out, c.Top)
	})
}
