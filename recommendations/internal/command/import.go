package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/transfer"
)

// importCommand imports files into a store.
type importCommand struct {
	storeFlag `embed:""`

	From         once     `env:"-" placeholder:"DIR" help:"Folder of an export. All of its files are imported."`
	Books        once     `env:"-" placeholder:"FILE" help:"Books, which replace those of the store, or with --merge are added to them. Books that the file no longer has are kept, hidden, for the histories that name them: a table with the columns of docs/data-formats.md, or a file of goodbooks-10k, Goodreads, Book-Crossing or MovieLens."`
	Shelves      once     `env:"-" placeholder:"FILE" help:"Categories of the books of goodbooks-10k: book_tags.csv with --tags, or a table of shelf counts."`
	Tags         once     `env:"-" placeholder:"FILE" help:"tags.csv of goodbooks-10k, for --shelves book_tags.csv."`
	Ratings      []string `env:"-" placeholder:"FILE" sep:"none" help:"Ratings, added to those of the store, in the same forms. May be repeated."`
	Samples      once     `env:"-" placeholder:"FILE" help:"Sample readers that visitors can switch to. They come with --books and replace those of the store."`
	Interactions once     `env:"-" placeholder:"FILE" help:"Interactions, from an export, or a table of likes or purchases."`

	formFlags `embed:""`
	Reader    int64  `env:"-" placeholder:"ID" default:"1" help:"The reader of ratings that name none, as in an export of Goodreads."`
	Kind      string `env:"-" placeholder:"KIND" help:"What the rows of --interactions are that have no kind and no rating, such as purchase for a table of sales. Likes, if not set."`

	DryRun        bool    `env:"-" help:"Print what would change, and import nothing."`
	Merge         bool    `env:"-" help:"Add the books to those of the store and change those that it has. None is gone."`
	AllowFaulty   percent `env:"-" placeholder:"N%" default:"1%" help:"How many of the rows of a file may be faulty, ${default} if not set. They are skipped. If there are more, nothing is imported."`
	AllowRemovals bool    `env:"-" help:"Take the books of the store that are not in --books off the shelves even if they are over 5 % of its books, and let books be replaced by others that have their ids, and another title and another author."`
	DropGone      bool    `env:"-" help:"Delete the books that are gone, now or before. What readers did with them is exported still, and counts again if a book comes back."`
	TextIDs       bool    `name:"text-ids" env:"-" help:"Take ids that are no numbers, although all ids of the store's books, or readers, are. Otherwise such rows are faulty."`
	Strict        bool    `env:"-" help:"Import nothing if any row is faulty, or of a book that the catalogue does not have."`
	DropDemo      bool    `env:"-" help:"Replace the embedded demonstration even if readers have interacted with its books. Those interactions are lost."`
	Train         bool    `env:"-" help:"Train and activate a model after the import."`

	workersFlag `embed:""`
}

// Validate is called by Kong.
func (c *importCommand) Validate() error {
	errs := []error{c.storeFlag.validate(), c.workersFlag.validate(), c.formFlags.validate()}
	add := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	files := c.Books != "" || c.Shelves != "" || c.Tags != "" || len(c.Ratings) > 0 || c.Samples != "" || c.Interactions != ""
	add(c.Reader < 1, "--reader must be 1 or more")
	add(c.Kind != "" && c.Interactions == "", "--kind is about the rows of --interactions, which is missing")
	_, err := c.kind()
	errs = append(errs, err)
	add(c.From == "" && !files, "nothing to import: give --books, --ratings, --interactions, or --from")
	add(c.From != "" && files, "--from imports all files of an export: give no other file with it")
	add(c.Tags != "" && c.Shelves == "", "--tags names the tags of --shelves book_tags.csv, which is missing")
	add(c.Shelves != "" && c.Books == "", "--shelves gives the books of --books their categories, which is missing")
	add(c.Samples != "" && c.Books == "", "--samples comes with --books, which is missing: the sample readers are part of the catalogue")
	add(c.DropGone && c.Books == "" && c.From == "", "--drop-gone is about the books of --books or --from, which is missing")
	add(c.DropGone && c.Merge, "--merge and --drop-gone contradict each other: with --merge none is gone")
	add(c.Merge && c.Books == "" && c.From == "", "--merge is about the books of --books or --from, which is missing")
	return errors.Join(errs...)
}

// kind returns what interactions are that say no kind; 0 if that is not set.
func (c *importCommand) kind() (domain.Kind, error) {
	if c.Kind == "" {
		return 0, nil
	}
	kind, err := domain.ParseKind(strings.ToLower(c.Kind))
	switch {
	case err != nil:
		return 0, fmt.Errorf("--kind: %w", err)
	case kind == domain.Rate:
		return 0, errors.New("--kind: a row with a rating is one already, and a row without has no stars to give")
	}
	return kind, nil
}

// Run reads everything, and then imports all or nothing.
func (c *importCommand) Run(ctx context.Context, to config.Streams) error {
	return traced(ctx, "import", to, func(ctx context.Context) error { return c.run(ctx, to) })
}

func (c *importCommand) run(ctx context.Context, to config.Streams) error {
	files := transfer.Files{
		Books: string(c.Books), Shelves: string(c.Shelves), Tags: string(c.Tags), Ratings: c.Ratings,
		Samples: string(c.Samples), Interactions: string(c.Interactions),
	}
	if c.From != "" {
		var err error
		if files, err = transfer.Exported(string(c.From)); err != nil {
			return err
		}
	}
	url, err := c.url()
	if err != nil {
		return err
	}
	return c.open(url, func(s *store.Store) error {
		var into transfer.Importer = s
		if store.Missing(url) != "" {
			into = unmade{s}
		}
		plan, err := c.read(ctx, into, files, to)
		if err != nil {
			return c.failed(ctx, err)
		}
		if c.DryRun {
			result, err := plan.Try(ctx, into, c.DropDemo)
			if err != nil {
				return c.failed(ctx, err)
			}
			fmt.Fprintf(to.Out, "%s\ndry run: nothing was imported\n", changes(plan, result, true))
			return nil
		}
		if !c.Train {
			return c.write(ctx, s, plan, to.Out)
		}
		// Under the lock, so that replicas that see the new books wait for this model
		// and train none of their own.
		return s.WithLock(ctx, models.TrainLock, func(ctx context.Context) error {
			if err := c.write(ctx, s, plan, to.Out); err != nil {
				return err
			}
			model, err := trainFrom(ctx, s, c.count(), true, to.Out)
			if err != nil {
				return err
			}
			return publish(ctx, s, model, true, false, to.Out)
		})
	})
}

// read reads the files, prints the summary, and judges it.
func (c *importCommand) read(ctx context.Context, into transfer.Importer, files transfer.Files, to config.Streams) (plan *transfer.Plan, err error) {
	began := time.Now()
	show := newProgress(to.Err)
	form := c.options()
	form.Reader = c.Reader
	if form.Kind, err = c.kind(); err != nil {
		return nil, err
	}
	step, done := telemetry.Step(ctx, "read files")
	plan, err = transfer.Read(step, into, files, transfer.Options{Form: form, Strict: c.Strict, TextIDs: c.TextIDs, Merge: c.Merge, DropGone: c.DropGone, Progress: show.at})
	done(err)
	show.clear()
	if err != nil {
		return nil, err
	}
	summarise(to.Out, plan, time.Since(began))
	return plan, plan.Check(transfer.Limits{Faulty: float64(c.AllowFaulty), Removals: c.AllowRemovals})
}

func (c *importCommand) write(ctx context.Context, s *store.Store, plan *transfer.Plan, out io.Writer) error {
	step, done := telemetry.Step(ctx, "write to the store")
	result, err := plan.Write(step, s, c.DropDemo)
	done(err)
	if err != nil {
		return c.failed(ctx, err)
	}
	fmt.Fprintln(out, changes(plan, result, false))
	return nil
}

// failed adds to the error of an import what it means.
func (c *importCommand) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return interrupted{"nothing was imported"}
	case errors.Is(err, store.ErrDemoInUse):
		return fmt.Errorf("%w; nothing was imported: --drop-demo deletes them", err)
	case errors.Is(err, store.ErrCatalogChanged), errors.Is(err, store.ErrIDTaken):
		return fmt.Errorf("%w, by another import; nothing was imported: try again", err)
	}
	return fmt.Errorf("%w; nothing was imported", err)
}

// unmade is a store whose file does not exist yet. It is made by the import, not by
// comparing.
type unmade struct{ *store.Store }

func (unmade) Head(context.Context) (store.Head, error)        { return store.Head{}, nil }
func (unmade) Catalog(context.Context) (domain.Catalog, error) { return domain.Catalog{}, nil }

func (unmade) Recorded(context.Context, []string) (map[string]domain.Interaction, error) {
	return nil, nil
}

func (unmade) ExternalIDs(context.Context) ([]domain.ExternalID, bool, error) { return nil, false, nil }

func (u unmade) Import(ctx context.Context, req store.ImportRequest) (store.ImportResult, error) {
	if req.DryRun {
		return store.ImportResult{CatalogChanged: true}, nil
	}
	return u.Store.Import(ctx, req)
}
