package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bookstall/internal/config"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/transfer"
)

// importCommand imports files into a store.
type importCommand struct {
	storeFlag `embed:""`

	From         string   `env:"-" placeholder:"DIR" help:"Folder of an export. All of its files are imported." xor:"from"`
	Books        string   `env:"-" placeholder:"FILE" help:"Books, which replace those of the store: books.csv in the format of docs/data-formats.md or of goodbooks-10k." xor:"from"`
	Shelves      string   `env:"-" placeholder:"FILE" help:"Categories of the books of goodbooks-10k: book_tags.csv with --tags, or a table of shelf counts."`
	Tags         string   `env:"-" placeholder:"FILE" help:"tags.csv of goodbooks-10k, for --shelves book_tags.csv."`
	Ratings      []string `env:"-" placeholder:"FILE" sep:"none" help:"Ratings, added to those of the store. May be repeated."`
	Samples      string   `env:"-" placeholder:"FILE" help:"Sample readers that visitors can switch to."`
	Interactions string   `env:"-" placeholder:"FILE" help:"Interactions, from an export."`

	Strict   bool `env:"-" help:"Import nothing if any row is faulty. By default, faulty rows are reported, counted and skipped."`
	DropDemo bool `env:"-" help:"Replace the embedded demonstration even if readers have interacted with its books. Those interactions are lost."`
	Train    bool `env:"-" help:"Train and activate a model after the import."`

	workersFlag `embed:""`
}

// Validate is called by Kong.
func (c *importCommand) Validate() error {
	errs := []error{c.storeFlag.validate(), c.workersFlag.validate()}
	if c.From == "" && c.Books == "" && len(c.Ratings) == 0 && c.Interactions == "" {
		errs = append(errs, errors.New("nothing to import: give --books, --ratings, --interactions, or --from"))
	}
	if c.Tags != "" && c.Shelves == "" {
		errs = append(errs, errors.New("--tags names the tags of --shelves book_tags.csv, which is missing"))
	}
	return errors.Join(errs...)
}

// maxReports bounds how many faulty rows are reported: a file of the wrong kind has
// millions.
const maxReports = 20

// Run imports all or nothing.
func (c *importCommand) Run(ctx context.Context, to config.Streams) error {
	files := transfer.Files{
		Books: c.Books, Shelves: c.Shelves, Tags: c.Tags, Ratings: c.Ratings, Samples: c.Samples, Interactions: c.Interactions,
	}
	if c.From != "" {
		var err error
		if files, err = transfer.Exported(c.From); err != nil {
			return err
		}
	}
	show := newProgress(to.Err)
	reported := 0
	importFiles := func(s *store.Store) error {
		began := time.Now()
		sum, err := transfer.Import(ctx, s, files, transfer.Options{
			Strict: c.Strict, DropDemo: c.DropDemo, Progress: show.at,
			Report: func(err error) {
				if reported++; reported <= maxReports {
					show.line(err.Error())
				} else if reported == maxReports+1 {
					show.line("further faulty rows are counted, not reported")
				}
			},
		})
		show.clear()
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted: nothing was imported")
		case errors.Is(err, store.ErrDemoInUse):
			return fmt.Errorf("%w; --drop-demo deletes them", err)
		case err != nil:
			return fmt.Errorf("%w; nothing was imported", err)
		}
		fmt.Fprintf(to.Out, "read %d books and %d ratings in %v; %d faulty rows skipped\n",
			sum.Books, sum.Ratings, time.Since(began).Round(100*time.Millisecond), sum.Faulty)
		fmt.Fprintln(to.Out, changes(sum))
		return nil
	}
	return c.use(func(s *store.Store) error {
		if !c.Train {
			return importFiles(s)
		}
		// Under the lock, so that replicas that see the new books wait for this model
		// and train none of their own.
		return s.WithLock(ctx, models.TrainLock, func(ctx context.Context) error {
			if err := importFiles(s); err != nil {
				return err
			}
			model, err := trainFrom(ctx, s, c.count(), true, to.Out)
			if err != nil {
				return err
			}
			return publish(ctx, s, model, true, to.Out)
		})
	})
}

// changes describes what an import changed.
func changes(sum transfer.Summary) string {
	text := ""
	add := func(format string, n any) {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf(format, n)
	}
	if sum.DroppedDemo {
		add("the embedded demonstration was removed%s", "")
	}
	if sum.CatalogChanged {
		add("the store has a new catalogue of %d books", sum.Books)
	}
	if sum.ReadersChanged > 0 {
		add("the histories of %d readers changed", sum.ReadersChanged)
	}
	if sum.Interactions > 0 {
		add("%d interactions were restored", sum.Interactions)
	}
	if sum.Repeated > 0 {
		add("%d ratings repeat the reader and book of another row: the last counts", sum.Repeated)
	}
	if sum.Forgotten > 0 {
		add("%d readers asked to be forgotten and were skipped", sum.Forgotten)
	}
	if text == "" {
		return "nothing changed: the store has all of it"
	}
	return text
}
