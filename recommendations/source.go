package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/config"
	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/replication"
	"bookstall/recommendations/internal/sample"
	"bookstall/recommendations/internal/server"
	"bookstall/recommendations/internal/store"
)

// source loads books and histories into memory. Its part makes the replica ready;
// health says NOT_SERVING until then.
type source struct {
	lifecycle.Part
	journal server.Journal // nil if there is no store
	close   func() error   // also after the part has stopped
}

// openSource returns the configured store, or the embedded demonstration.
func openSource(cfg settings, books *recommender.Recommender, ready *lifecycle.Readiness, tel *telemetry.Telemetry) (source, error) {
	var isLoaded atomic.Bool
	loaded := func() {
		isLoaded.Store(true)
		ready.Set(true, "")
	}
	workers := cmp.Or(cfg.Workers, runtime.GOMAXPROCS(0))
	if cfg.Store == noStore {
		d := &demonstration{books: books, workers: workers, loaded: loaded, log: tel.Log, quit: make(chan struct{})}
		return source{
			Part:  lifecycle.Part{Name: "demonstration", Run: d.run, Stop: d.stop, StopTimeout: time.Second},
			close: func() error { return nil },
		}, nil
	}
	log := tel.Log.WithName("store")
	kept, err := store.Open(cfg.Store, store.Options{Log: log, Reread: config.Rereading("--store-file", cfg.StoreFile)})
	if err != nil {
		return source{}, fmt.Errorf("store: %w", err)
	}
	replicate := replication.Config{
		Store: kept, Recommender: books, Train: cfg.Train, Workers: workers, OnLoaded: loaded, Log: log, Registry: tel.Registry,
		NativeHistograms: tel.NativeHistograms,
		OnState: func(read, write error) {
			note := ""
			switch {
			case read != nil:
				note = "the store cannot be used: " + inOneLine(read)
			case write != nil:
				note = "the last write failed: " + inOneLine(write)
			}
			if read != nil && !isLoaded.Load() {
				ready.Set(false, note)
			}
			ready.Note(note)
		},
	}
	if cfg.Demo {
		replicate.Demo = sample.Load
	}
	r := replication.New(replicate)
	return source{
		Part:    lifecycle.Part{Name: "store", Run: r.Run, Stop: r.Stop, StopTimeout: time.Second},
		journal: r,
		close:   kept.Close,
	}, nil
}

func inOneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// demonstration serves the embedded data and stores nothing.
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
	d.log.Info("no store (--store none): serving the embedded demonstration, storing nothing",
		"books", len(lib.Books), "ratings", len(lib.Ratings), "version", lib.Version, "took", time.Since(began).String())
	d.loaded()
	<-d.quit
	return nil
}

func (d *demonstration) stop(context.Context) error {
	close(d.quit)
	return nil
}
