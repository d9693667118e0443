package recommend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/go-logr/logr"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

const (
	pullTimeout = 30 * time.Second // of one whole catalogue
	pollEvery   = 30 * time.Second // when no answer tells of a new version before
	retryFirst  = 250 * time.Millisecond
	retryMost   = 5 * time.Second
)

// Feed keeps the catalogue in step with the one that recommendations has.
type Feed struct {
	api     recommendationsv1.RecommendationsServiceClient
	catalog *catalog.Catalog
	file    string
	log     logr.Logger
	metrics *metrics

	onCatalog func() // called when there are books to show

	wake   chan struct{} // holds one token when a pull is due
	ctx    context.Context
	cancel context.CancelFunc
}

func newFeed(api recommendationsv1.RecommendationsServiceClient, cfg Config, m *metrics) *Feed {
	ctx, cancel := context.WithCancel(context.Background())
	return &Feed{
		api: api, catalog: cfg.Catalog, file: cfg.File, log: cfg.Log.WithName("catalog"), metrics: m,
		onCatalog: func() {},
		wake:      make(chan struct{}, 1), ctx: ctx, cancel: cancel,
	}
}

// OnCatalog sets what is called each time that Run brought books. It comes
// before Run.
func (f *Feed) OnCatalog(call func()) { f.onCatalog = call }

// restore fills the catalogue from the copy on disk, so that the shop can open
// while recommendations is away. A copy that is missing or damaged is no error:
// the first pull replaces it.
func (f *Feed) restore() {
	if f.file == "" {
		return
	}
	contents, err := catalog.Load(f.file)
	if err == nil {
		err = f.catalog.Replace(contents)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		f.log.Error(err, "the catalogue's copy on disk is of no use; waiting for recommendations", "file", f.file)
	default:
		f.metrics.books.Set(float64(len(contents.Books)))
		f.onCatalog()
		f.log.Info("catalogue restored from disk", "books", len(contents.Books), "version", contents.Version)
	}
}

// Run restores the catalogue from disk, pulls it now, whenever an answer shows
// that there is another version, and now and then. It returns after Stop.
func (f *Feed) Run() error {
	f.restore()
	retry := retryFirst
	for {
		pause := pollEvery
		if err := f.pull(); err != nil && f.ctx.Err() == nil {
			f.metrics.refreshes.WithLabelValues("error").Inc()
			f.log.Info("catalogue cannot be brought up to date", "error", err.Error(), "retryIn", retry.String())
			pause, retry = retry, min(2*retry, retryMost)
		} else {
			retry = retryFirst
		}
		select {
		case <-f.ctx.Done():
			return nil
		case <-f.wake:
			// Not at once: while a rollout mixes versions, each answer may bring
			// another one.
			pause = min(pause, time.Second)
		case <-time.After(pause):
			continue
		}
		select {
		case <-f.ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Stop ends Run.
func (f *Feed) Stop(context.Context) error {
	f.cancel()
	return nil
}

// sawVersion notes the version that an answer came from.
func (f *Feed) sawVersion(version string) {
	if version != f.catalog.Version() {
		f.refresh()
	}
}

// refresh makes a pull due.
func (f *Feed) refresh() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Feed) pull() error {
	ctx, cancel := context.WithTimeout(telemetry.WithRequestID(f.ctx, telemetry.NewRequestID()), pullTimeout)
	defer cancel()
	held := f.catalog.Version()
	contents, err := f.read(ctx, held)
	if errors.Is(err, errOtherMode) { // the same books, but a store came or went
		contents, err = f.read(ctx, "")
	}
	if err != nil {
		return err
	}
	if contents == nil {
		f.metrics.refreshes.WithLabelValues("unchanged").Inc()
		return nil
	}
	if err := f.catalog.Replace(*contents); err != nil {
		return fmt.Errorf("recommendations sent a catalogue that cannot be used: %w", err)
	}
	f.onCatalog()
	f.metrics.refreshes.WithLabelValues("changed").Inc()
	f.metrics.books.Set(float64(len(contents.Books)))
	f.log.Info("catalogue brought up to date", "books", len(contents.Books), "version", contents.Version, "before", held)
	if f.file == "" {
		return nil
	}
	if err := catalog.Save(f.file, *contents); err != nil {
		// The shop is up to date; only its next start without recommendations is not.
		f.log.Error(err, "the catalogue cannot be kept on disk", "file", f.file)
	}
	return nil
}

// errOtherMode says that the books are those we have, but not whether readers'
// doings are remembered.
var errOtherMode = errors.New("another mode")

// read returns the catalogue of recommendations, or nil when it is the held version.
func (f *Feed) read(ctx context.Context, held string) (*catalog.Contents, error) {
	stream, err := f.api.ListBooks(ctx, &recommendationsv1.ListBooksRequest{IfVersion: held})
	if err != nil {
		return nil, err
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	header := first.GetHeader()
	switch {
	case header == nil:
		return nil, errors.New("the answer does not start with a header")
	case header.GetUnchanged() && header.GetReadOnly() != f.catalog.ReadOnly():
		return nil, errOtherMode
	case header.GetUnchanged():
		return nil, nil
	}
	contents := &catalog.Contents{Version: header.GetVersion(), ReadOnly: header.GetReadOnly()}
	for _, s := range header.GetSampleReaders() {
		contents.Samples = append(contents.Samples, catalog.SampleReader{ID: s.GetUserId(), Label: s.GetLabel()})
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, b := range part.GetPage().GetBooks() {
			contents.Books = append(contents.Books, book(b))
		}
	}
	if got, want := len(contents.Books), int(header.GetBookCount()); got != want {
		return nil, fmt.Errorf("%d books came, %d were announced", got, want)
	}
	return contents, nil
}

func book(b *recommendationsv1.Book) catalog.Book {
	return catalog.Book{
		ID: b.GetId(), Title: b.GetTitle(), Author: b.GetAuthor(), Year: int(b.GetYear()), Categories: b.GetCategories(),
		Popularity: b.GetPopularity(), Series: b.GetSeries(), ISBN: b.GetIsbn(), Description: b.GetDescription(),
		Price: b.GetPrice(), Currency: b.GetCurrency(), Language: b.GetLanguage(),
	}
}
