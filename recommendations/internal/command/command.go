// Package command has the commands of recommendations besides serve: import, export,
// train, models, report, evaluate and healthcheck. Kong fills them from flags and the
// environment, and calls their Run methods.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/go-logr/logr"

	"bookstall/internal/config"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/store"
)

// Commands are the commands, for Kong.
type Commands struct {
	Healthcheck healthcheck   `cmd:"" help:"Check the health of a server on this host. The exit status is 0 if it is SERVING, else 1."`
	Import      importCommand `cmd:"" help:"Import books and ratings from CSV files into a store. A summary says first what would change. On an error, nothing is imported."`
	Export      exportCommand `cmd:"" help:"Export books, ratings and interactions to CSV files, for import --from."`
	Train       trainCommand  `cmd:"" help:"Train a model from a store, save it there and activate it."`
	Models      modelCommands `cmd:"" help:"List, show, activate and roll back the models of a store."`
	Report      reportCommand `cmd:"" help:"Sum up a store for the owner of the shop: readers and purchases by week, books that are liked and bought, books without readers, what the shelves show, and the models."`
	Evaluate    evaluation    `cmd:"" help:"Measure the recommendations for held-out readers of a ratings file, and compare with simple methods."`
}

// storeFlag is the store that a command works on.
type storeFlag struct {
	Store     string `help:"The store: sqlite:FILE or postgres://…. This or --store-file is required." xor:"store" placeholder:"URL"`
	StoreFile string `help:"File with the URL of the store." xor:"store" placeholder:"FILE"`
}

// url returns the URL of the store, which is valid.
func (f storeFlag) url() (url string, err error) {
	url = f.Store
	if f.StoreFile != "" {
		if url, err = config.FromFile("--store-file", f.StoreFile); err != nil {
			return "", err
		}
	}
	if url == "" {
		return "", errors.New("--store or --store-file is missing")
	}
	if err := store.CheckURL(url); err != nil {
		return "", fmt.Errorf("--store: %w", err)
	}
	return url, nil
}

// validate checks that there is a store that can be used.
func (f storeFlag) validate() error {
	_, err := f.url()
	return err
}

// use opens a store that exists while do runs.
//
// Error: interrupted for whatever fails once ctx has ended.
func (f storeFlag) use(ctx context.Context, do func(*store.Store) error) error {
	url, err := f.url()
	if err != nil {
		return err
	}
	if file := store.Missing(url); file != "" {
		return fmt.Errorf("--store: %s does not exist", file)
	}
	return f.open(url, func(s *store.Store) error {
		err := do(s)
		if _, ok := errors.AsType[interrupted](err); err != nil && ctx.Err() != nil && !ok {
			return interrupted{}
		}
		return err
	})
}

// interrupted is the error of a command that was, with what that means, if anything.
type interrupted struct{ meaning string }

func (i interrupted) Error() string {
	if i.meaning == "" {
		return "interrupted"
	}
	return "interrupted: " + i.meaning
}

// change does the same for a command that writes, as a span with the command's name.
func (f storeFlag) change(ctx context.Context, name string, to config.Streams, do func(context.Context, *store.Store) error) error {
	return traced(ctx, name, to, func(ctx context.Context) error {
		return f.use(ctx, func(s *store.Store) error { return do(ctx, s) })
	})
}

// open opens a store, or makes it, while do runs. What the store logs, such as migrations,
// is of no interest here.
func (f storeFlag) open(url string, do func(*store.Store) error) (err error) {
	s, err := store.Open(url, store.Options{Log: logr.Discard(), Reread: config.Rereading("--store-file", f.StoreFile)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// traced runs a command as a span with the command's name.
func traced(ctx context.Context, name string, to config.Streams, do func(context.Context) error) error {
	host, err := config.NameOr("")
	if err != nil {
		host = "unknown" // --name is no flag of a command
	}
	return telemetry.Command(ctx, "recommendations", host, name, to.Err, do)
}

// workersFlag bounds the goroutines of a training.
type workersFlag struct {
	Workers int `env:"-" help:"Goroutines to train on; 0 for one per CPU." default:"0"`
}

func (f workersFlag) validate() error {
	if f.Workers < 0 {
		return fmt.Errorf("--workers is %d, want 0 or more", f.Workers)
	}
	return nil
}

func (f workersFlag) count() int { return cmp.Or(f.Workers, runtime.GOMAXPROCS(0)) }
