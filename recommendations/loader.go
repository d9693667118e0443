package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/replication"
	"bookstall/recommendations/internal/sample"
	"bookstall/recommendations/internal/server"
	"bookstall/recommendations/internal/store"
)

// source is where the replica's books and histories come from. Its run makes the
// replica ready; health says NOT_SERVING until then.
type source struct {
	lifecycle.Part
	journal server.Journal // nil when nothing can be kept
	close   func() error
}

// newSource returns the store that is configured, or the embedded data.
func newSource(cfg settings, books *recommender.Recommender, ready *lifecycle.Readiness, tel *telemetry.Telemetry) (source, error) {
	loaded := func() { ready.Set(true, "") }
	if cfg.Store == noStore {
		d := &demonstration{books: books, workers: cfg.Workers, loaded: loaded, log: tel.Log, quit: make(chan struct{})}
		return source{
			Part:  lifecycle.Part{Name: "demonstration", Run: d.run, Stop: d.stop, StopTimeout: time.Second},
			close: func() error { return nil },
		}, nil
	}
	kept, err := store.Open(cfg.Store, store.Options{Log: tel.Log.WithName("store")})
	if err != nil {
		return source{}, fmt.Errorf("store: %w", err)
	}
	settings := replication.Config{
		Store: kept, Recommender: books, Train: cfg.Train, Workers: cfg.Workers, OnLoaded: loaded,
		Log: tel.Log.WithName("store"), Registry: tel.Registry,
	}
	if cfg.Demo {
		settings.Demo = sample.Load
	}
	l := replication.New(settings)
	return source{
		Part:    lifecycle.Part{Name: "store", Run: l.Run, Stop: l.Stop, StopTimeout: time.Second},
		journal: l,
		close:   kept.Close,
	}, nil
}

// demonstration serves the embedded data, and keeps nothing.
type demonstration struct {
	books   *recommender.Recommender
	workers int
	loaded  func()
	log     logr.Logger
	quit    chan struct{}
}

func (d *demonstration) run() error {
	began := time.Now()
	lib, err := sample.Load()
	if err != nil {
		return fmt.Errorf("embedded data: %w", err)
	}
	if err := d.books.Load(lib, d.workers); err != nil {
		return err
	}
	d.log.Info("no store (--store none): the embedded demonstration, which remembers nothing",
		"books", len(lib.Books), "ratings", len(lib.Ratings), "version", lib.Version, "took", time.Since(began).String())
	d.loaded()
	<-d.quit
	return nil
}

func (d *demonstration) stop(context.Context) error {
	close(d.quit)
	return nil
}
