package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/sample"
)

// loader makes the replica ready: it loads the library, trains and checks the
// model while health says NOT_SERVING already.
type loader struct {
	books   *recommender.Recommender
	workers int
	ready   *lifecycle.Readiness
	log     logr.Logger
	quit    chan struct{}
}

func newLoader(books *recommender.Recommender, workers int, ready *lifecycle.Readiness, log logr.Logger) *loader {
	return &loader{books: books, workers: workers, ready: ready, log: log, quit: make(chan struct{})}
}

func (l *loader) run() error {
	began := time.Now()
	lib, err := sample.Load()
	if err != nil {
		return fmt.Errorf("embedded data: %w", err)
	}
	if err := l.books.Load(lib, l.workers); err != nil {
		return err
	}
	l.log.Info("library loaded", "books", len(lib.Books), "ratings", len(lib.Ratings), "version", lib.Version,
		"took", time.Since(began).String())
	l.ready.Set(true, "")
	<-l.quit
	return nil
}

func (l *loader) stop(context.Context) error {
	close(l.quit)
	return nil
}
