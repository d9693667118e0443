package command

import (
	"context"
	"errors"
	"fmt"

	"bookstall/internal/config"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/transfer"
)

// exportCommand exports a store to files.
type exportCommand struct {
	storeFlag `embed:""`
	Dir       string `arg:"" help:"Folder to write to. It is created if needed and must not contain an export."`
}

// Validate is called by Kong.
func (c *exportCommand) Validate() error { return c.validate() }

// Run writes the files.
func (c *exportCommand) Run(ctx context.Context, to config.Streams) error {
	return c.use(ctx, func(s *store.Store) error {
		sum, err := transfer.Export(ctx, s, c.Dir)
		if err != nil {
			return c.failed(ctx, err)
		}
		_, err = fmt.Fprintf(to.Out, "%s: %d books, %d ratings, %d sample readers, %d interactions\n",
			c.Dir, sum.Books, sum.Ratings, sum.Samples, sum.Interactions)
		return err
	})
}

// failed adds to the error of an export what it means.
func (c *exportCommand) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, transfer.ErrExported):
		return err
	case ctx.Err() != nil:
		return interrupted{fmt.Sprintf("the export in %s is not complete; delete it", c.Dir)}
	}
	return fmt.Errorf("%w; the export in %s is not complete", err, c.Dir)
}
