package recommend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

const (
	pullTimeout  = 30 * time.Second // deadline for the whole catalogue
	pollInterval = 30 * time.Second
	wakeDelay    = time.Second // limits pulls while a rollout mixes catalogue versions
	retryInitial = 250 * time.Millisecond
	retryMax     = 5 * time.Second
)

// Feed keeps the shop's catalogue up to date with the one of recommendations.
type Feed struct {
	api     recommendationsv1.RecommendationsServiceClient
	catalog *catalog.Catalog
	file    string
	log     logr.Logger
	metrics *metrics

	onCatalog func()
	onPull    func(error)

	wake   chan struct{} // holds a token while a pull is due
	ctx    context.Context
	cancel context.CancelFunc
}

func newFeed(api recommendationsv1.RecommendationsServiceClient, cfg Config, m *metrics) *Feed {
	ctx, cancel := context.WithCancel(context.Background())
	return &Feed{
		api: api, catalog: cfg.Catalog, file: cfg.File, log: cfg.Log.WithName("catalog"), metrics: m,
		onCatalog: func() {}, onPull: func(error) {},
		wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
	}
}

// OnCatalog sets a function that Run calls each time it has replaced the catalogue.
// It must be called before Run.
func (f *Feed) OnCatalog(call func()) { f.onCatalog = call }

// OnPull sets a function that Run calls after each attempt to pull the catalogue, with its
// error or nil. It must be called before Run.
func (f *Feed) OnPull(call func(error)) { f.onPull = call }

// restore loads the catalogue from the snapshot, so that the shop can open while
// recommendations is unavailable. A missing or damaged snapshot is not fatal: the
// first pull replaces it.
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
		f.log.Error(err, "catalogue snapshot unusable, waiting for recommendations", "file", f.file)
	default:
		f.metrics.books.Set(float64(len(contents.Books)))
		f.onCatalog()
		f.log.Info("catalogue restored from snapshot", "books", len(contents.Books), "version", contents.Version)
	}
}

// Run restores the catalogue from the snapshot, then pulls it from recommendations:
// at once, at each poll interval, and soon after Refresh or an answer that shows another
// version. It returns after Stop.
func (f *Feed) Run() error {
	f.restore()
	retry := backoff.ExponentialBackOff{InitialInterval: retryInitial, Multiplier: 2, MaxInterval: retryMax}
	for f.ctx.Err() == nil {
		pause := f.next(&retry)
		due := time.After(pause)
		select {
		case <-f.wake:
			due = time.After(min(pause, wakeDelay))
		case <-due:
			continue
		case <-f.ctx.Done():
		}
		select {
		case <-due:
		case <-f.ctx.Done():
		}
	}
	return nil
}

// next pulls once and returns the time until the next pull.
func (f *Feed) next(retry backoff.BackOff) time.Duration {
	err := f.pull()
	if f.ctx.Err() != nil { // stopped, which is no failure
		return 0
	}
	f.onPull(err)
	if err != nil {
		pause := retry.NextBackOff()
		f.failed(err, pause)
		return pause
	}
	retry.Reset()
	f.metrics.current.Set(1)
	return pollInterval
}

// failed reports a pull that failed. That recommendations is away for a while is part of a
// rollout; anything else does not pass by itself.
func (f *Feed) failed(err error, pause time.Duration) {
	f.metrics.refreshes.WithLabelValues("error").Inc()
	f.metrics.current.Set(0)
	if status.Code(err) == codes.Unavailable {
		telemetry.Warn(f.log, "catalogue not refreshed", "error", err.Error(), "retryIn", pause.String())
		return
	}
	f.log.Error(err, "catalogue not refreshed", "retryIn", pause.String())
}

// Stop ends Run.
func (f *Feed) Stop(context.Context) error {
	f.cancel()
	return nil
}

// sawVersion makes a pull due if version is not the shop's own.
func (f *Feed) sawVersion(version string) {
	if version != f.catalog.Version() {
		f.Refresh()
	}
}

// Refresh makes a pull due, which begins within a second.
func (f *Feed) Refresh() {
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
	if errors.Is(err, errOtherMode) { // the same books, but a store was added or removed
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
		return fmt.Errorf("recommendations sent an invalid catalogue: %w", err)
	}
	// Messages, books and words on their way into the index are several times the size of
	// what remains, and nobody needs that memory until the next catalogue.
	defer debug.FreeOSMemory()
	f.onCatalog()
	f.metrics.refreshes.WithLabelValues("changed").Inc()
	f.metrics.books.Set(float64(len(contents.Books)))
	f.log.Info("catalogue refreshed", "books", len(contents.Books), "version", contents.Version, "before", held)
	if f.file == "" {
		return nil
	}
	if err := catalog.Save(f.file, *contents); err != nil {
		// Only the next start without recommendations is affected.
		f.log.Error(err, "catalogue snapshot not saved", "file", f.file)
	}
	return nil
}

// errOtherMode means that the books are unchanged but read-only mode is not.
var errOtherMode = errors.New("read-only mode has changed")

// read returns the catalogue of recommendations, or nil if it is the held version.
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
		return nil, fmt.Errorf("received %d books, header announced %d", got, want)
	}
	return contents, nil
}

func book(b *recommendationsv1.Book) catalog.Book {
	to := catalog.Book{
		ID: b.GetId(), ExternalID: b.GetExternalId(), Title: b.GetTitle(), Author: b.GetAuthor(), Year: int(b.GetYear()), Categories: b.GetCategories(),
		Popularity: b.GetPopularity(), Series: b.GetSeries(), ISBN: b.GetIsbn(), Description: b.GetDescription(),
		Price: b.GetPrice(), Currency: b.GetCurrency(), Language: b.GetLanguage(),
		Availability: availability(b.GetAvailability()), Stock: b.Stock, Hidden: b.GetHidden(), BuyURL: b.GetBuyUrl(),
		Publisher: b.GetPublisher(), Format: b.GetFormat(), Pages: int(b.GetPages()), SeriesNumber: b.GetSeriesNumber(),
	}
	if b.GetAdded().IsValid() {
		to.Added = b.GetAdded().AsTime()
	}
	for _, c := range b.GetContributors() {
		to.Contributors = append(to.Contributors, catalog.Contributor{Name: c.GetName(), Role: c.GetRole()})
	}
	return to
}

// availability takes values that this version does not know for no information.
func availability(a recommendationsv1.Availability) catalog.Availability {
	switch a {
	case recommendationsv1.Availability_AVAILABILITY_AVAILABLE:
		return catalog.Available
	case recommendationsv1.Availability_AVAILABILITY_UNAVAILABLE:
		return catalog.Unavailable
	case recommendationsv1.Availability_AVAILABILITY_UNSPECIFIED:
	}
	return catalog.AvailabilityUnknown
}
