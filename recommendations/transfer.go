package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"

	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/transfer"
)

// storeFlag is how commands that work on a store are told which.
type storeFlag struct {
	Store string `help:"The store: sqlite:FILE or postgres://…." required:"" placeholder:"URL"`
}

// open opens the store. What it does by itself, such as making its tables, is not
// worth a line to who gives a command.
func (f storeFlag) open() (*store.Store, error) {
	return store.Open(f.Store, store.Options{Log: logr.Discard()})
}

// use opens the store for as long as do runs.
func (f storeFlag) use(do func(*store.Store) error) (err error) {
	s, err := f.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// importing is the command that brings books and ratings into a store.
type importing struct {
	storeFlag `embed:""`

	From         string   `env:"-" placeholder:"DIR" help:"Folder of an export; all that it holds is brought in." xor:"from"`
	Books        string   `env:"-" placeholder:"FILE" help:"Books, in place of those of the store: books.csv as docs/data-formats.md has it, or that of goodbooks-10k." xor:"from"`
	Shelves      string   `env:"-" placeholder:"FILE" help:"Categories of the books of goodbooks-10k: book_tags.csv with --tags, or a table of shelf counts."`
	Tags         string   `env:"-" placeholder:"FILE" help:"tags.csv of goodbooks-10k, for --shelves book_tags.csv."`
	Ratings      []string `env:"-" placeholder:"FILE" sep:"none" help:"Ratings, added to those of the store; may be given more than once."`
	Samples      string   `env:"-" placeholder:"FILE" help:"Readers that a visitor may look at the shop as."`
	Interactions string   `env:"-" placeholder:"FILE" help:"What readers did, from an export."`

	Strict   bool `env:"-" help:"Stop at the first faulty row, and import nothing; else faulty rows are told, counted and passed over."`
	DropDemo bool `env:"-" help:"Replace the embedded demonstration also when readers did something with its books, which is lost then."`
	Train    bool `env:"-" help:"Train and activate a model after the import."`
	Workers  int  `env:"-" help:"Goroutines to train on; 0 for one a CPU." default:"0"`
}

// Validate is called by the parser.
func (c *importing) Validate() error {
	var errs []error
	if err := store.CheckURL(c.Store); c.Store != "" && err != nil {
		errs = append(errs, fmt.Errorf("--store: %w", err))
	}
	if c.From == "" && c.Books == "" && len(c.Ratings) == 0 && c.Interactions == "" {
		errs = append(errs, errors.New("nothing to import: give --books, --ratings, --interactions, or --from"))
	}
	if c.Tags != "" && c.Shelves == "" {
		errs = append(errs, errors.New("--tags names the tags of --shelves book_tags.csv, which is missing"))
	}
	return errors.Join(errs...)
}

// maxReports is how many faulty rows are told; a file of the wrong kind has
// millions.
const maxReports = 20

func (c *importing) run(ctx context.Context, stdout, stderr io.Writer) error {
	files := transfer.Files{
		Books: c.Books, Shelves: c.Shelves, Tags: c.Tags, Ratings: c.Ratings, Samples: c.Samples, Interactions: c.Interactions,
	}
	if c.From != "" {
		var err error
		if files, err = transfer.Exported(c.From); err != nil {
			return err
		}
	}
	show := newProgress(stderr)
	told := 0
	bring := func(s *store.Store) error {
		began := time.Now()
		sum, err := transfer.Import(ctx, s, files, transfer.Options{
			Strict: c.Strict, DropDemo: c.DropDemo, Progress: show.at,
			Report: func(err error) {
				if told++; told <= maxReports {
					show.line(err.Error())
				} else if told == maxReports+1 {
					show.line("more faulty rows are counted only")
				}
			},
		})
		show.clear()
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted: nothing was imported")
		case errors.Is(err, store.ErrDemoInUse):
			return fmt.Errorf("%w; --drop-demo lets them go", err)
		case err != nil:
			return fmt.Errorf("%w; nothing was imported", err)
		}
		fmt.Fprintf(stdout, "read %d books and %d ratings in %v; %d faulty rows passed over\n",
			sum.Books, sum.Ratings, time.Since(began).Round(100*time.Millisecond), sum.Faulty)
		fmt.Fprintln(stdout, changes(sum))
		return nil
	}
	return c.use(func(s *store.Store) error {
		if !c.Train {
			return bring(s)
		}
		// Replicas that see the new books wait for this model, and train none.
		return s.WithLock(ctx, models.TrainLock, func(ctx context.Context) error {
			if err := bring(s); err != nil {
				return err
			}
			return trainStore(ctx, s, c.Workers, true, stdout)
		})
	})
}

// changes says in words what an import changed.
func changes(sum transfer.Summary) string {
	text := ""
	add := func(format string, n any) {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf(format, n)
	}
	if sum.DroppedDemo {
		add("the embedded demonstration is gone%s", "")
	}
	if sum.CatalogChanged {
		add("the store has a new catalogue of %d books", sum.Books)
	}
	if sum.ReadersChanged > 0 {
		add("the histories of %d readers changed", sum.ReadersChanged)
	}
	if sum.Interactions > 0 {
		add("%d interactions came back", sum.Interactions)
	}
	if sum.Repeated > 0 {
		add("%d ratings were of a reader and a book that another row has too: the last counts", sum.Repeated)
	}
	if sum.Forgotten > 0 {
		add("%d readers asked to be forgotten, and stay so", sum.Forgotten)
	}
	if text == "" {
		return "nothing changed: all of it was there"
	}
	return text
}

// exporting is the command that writes a store into files.
type exporting struct {
	storeFlag `embed:""`
	Dir       string `arg:"" help:"Folder to write to; it is made, and must not hold an export already."`
}

// Validate is called by the parser.
func (c *exporting) Validate() error {
	if err := store.CheckURL(c.Store); c.Store != "" && err != nil {
		return fmt.Errorf("--store: %w", err)
	}
	return nil
}

func (c *exporting) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		sum, err := transfer.Export(ctx, s, c.Dir)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "%s: %d books, %d ratings, %d sample readers, %d interactions\n",
			c.Dir, sum.Books, sum.Ratings, sum.Samples, sum.Interactions)
		return err
	})
}
