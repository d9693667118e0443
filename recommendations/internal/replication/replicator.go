package replication

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/store"
)

// Store is what is needed of a store.
type Store interface {
	Head(ctx context.Context) (store.Head, error)
	Catalog(ctx context.Context) (domain.Catalog, error)
	Histories(ctx context.Context, after int64, yield func(domain.Reader) error) (seq int64, err error)
	History(ctx context.Context, userID int64) (domain.Reader, error)
	Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error)
	Forget(ctx context.Context, userID int64) (domain.Reader, error)
	Model(ctx context.Context, version string) (store.Model, error)
	SaveModel(ctx context.Context, m store.Model) error
	Activate(ctx context.Context, version string) error
	Seed(ctx context.Context, demo domain.Library) (bool, error)
	WithLock(ctx context.Context, name string, fn func(context.Context) error) error
	Changes(ctx context.Context) <-chan struct{}
}

// Config sets up a Replicator.
type Config struct {
	Store       Store
	Recommender *recommender.Recommender
	// Demo is what an empty store is filled with; nil leaves it empty, and the
	// replica waits for an import.
	Demo func() (*domain.Library, error)
	// Train makes a model where the store has none that fits the catalogue.
	Train    bool
	Workers  int // goroutines to train on
	OnLoaded func()
	Log      logr.Logger
	Registry prometheus.Registerer
}

// How the store is followed.
const (
	pollEvery     = 250 * time.Millisecond
	followTimeout = 10 * time.Second // of one look at the store
	retryFirst    = 100 * time.Millisecond
	retryMost     = 5 * time.Second
	// writeTimeout is below what callers wait, 2 s: they hear that the store is
	// away, and do not take this replica for one that hangs.
	writeTimeout   = 1500 * time.Millisecond
	catchUpTimeout = 100 * time.Millisecond
)

// Replicator joins a store and a recommender.
type Replicator struct {
	Config
	metrics *metrics
	ctx     context.Context
	cancel  context.CancelFunc

	// Of Run alone.
	head  store.Head // that the memory is of
	model *inUse     // nil for none

	applied atomic.Int64 // all histories up to this seq are in memory
	lost    atomic.Int64 // since when the store is away, Unix nanoseconds; 0 when it is there
}

// New returns a Replicator; nothing happens before Run.
func New(cfg Config) *Replicator {
	l := &Replicator{Config: cfg}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.metrics = newMetrics(cfg.Registry, l)
	return l
}

// Run loads everything, for as long as that takes, and follows the store until
// Stop.
func (l *Replicator) Run() error {
	defer l.cancel()
	if !l.start() {
		return nil
	}
	debug.FreeOSMemory() // what loading took besides what it loaded
	l.OnLoaded()
	changes := l.Store.Changes(l.ctx)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return nil
		case <-changes:
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(l.ctx, followTimeout)
		err := l.follow(ctx)
		cancel()
		l.note(err)
	}
}

// Stop ends Run.
func (l *Replicator) Stop(context.Context) error {
	l.cancel()
	return nil
}

// start loads everything and reports whether it did before Stop.
func (l *Replicator) start() bool {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		began := time.Now()
		err := l.load(l.ctx)
		if err == nil {
			catalog, _ := l.Recommender.Catalog()
			l.Log.Info("store loaded", "books", len(catalog.Books), "catalog", catalog.Version,
				"readers", l.Recommender.Readers(), "seq", l.applied.Load(), "took", time.Since(began).String())
			return true
		}
		if l.ctx.Err() != nil {
			return false
		}
		l.Log.Info("the store cannot be loaded yet", "error", err.Error(), "retryIn", pause.String())
		select {
		case <-l.ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// note tells when the store goes away and when it is back, once each.
func (l *Replicator) note(err error) {
	since := l.lost.Load()
	switch {
	case l.ctx.Err() != nil:
	case err != nil && since == 0:
		l.lost.Store(time.Now().UnixNano())
		l.Log.Error(err, "the store is away: shelves are made from what is in memory")
	case err == nil && since != 0:
		l.lost.Store(0)
		l.Log.Info("the store is back", "staleFor", time.Since(time.Unix(0, since)).Round(time.Millisecond).String())
	}
}

// load takes everything from the store.
func (l *Replicator) load(ctx context.Context) error {
	if err := l.seed(ctx); err != nil {
		return err
	}
	head, err := l.Store.Head(ctx)
	if err != nil {
		return err
	}
	if head.CatalogVersion == "" {
		return errors.New("the store has no books: import some")
	}
	if err := l.loadReaders(ctx); err != nil {
		return err
	}
	return l.serve(ctx, head)
}

// seed fills an empty store with the demonstration.
func (l *Replicator) seed(ctx context.Context) error {
	head, err := l.Store.Head(ctx)
	if err != nil || head.CatalogVersion != "" || l.Demo == nil {
		return err
	}
	demo, err := l.Demo()
	if err != nil {
		return fmt.Errorf("embedded data: %w", err)
	}
	did, err := l.Store.Seed(ctx, *demo)
	if did {
		l.Log.Info("the store was empty: filled with the embedded demonstration", "books", len(demo.Books), "ratings", len(demo.Ratings))
	}
	return err
}

// loadReaders takes all histories in place of those in memory.
func (l *Replicator) loadReaders(ctx context.Context) error {
	var list []domain.Reader
	seq, err := l.Store.Histories(ctx, 0, func(r domain.Reader) error {
		list = append(list, r)
		return nil
	})
	if err != nil {
		return err
	}
	l.Recommender.Replace(list)
	l.applied.Store(seq)
	return nil
}

// follow takes from the store what changed.
func (l *Replicator) follow(ctx context.Context) error {
	head, err := l.Store.Head(ctx)
	if err != nil {
		return err
	}
	switch {
	case head.StoreID != l.head.StoreID || head.Seq < l.applied.Load():
		// Another store, or an older copy of it, was put in place.
		l.Log.Info("the store is not the one that was loaded: loading it anew")
		return l.load(ctx)
	case head.CatalogVersion != l.head.CatalogVersion:
		// Its histories may be of other books than those in memory: all of it.
		if err := l.loadReaders(ctx); err != nil {
			return err
		}
		if err := l.serve(ctx, head); err != nil {
			return err
		}
	case head.Activation != l.head.Activation:
		if err := l.serve(ctx, head); err != nil {
			return err
		}
	}
	if head.Seq <= l.applied.Load() {
		return nil
	}
	var list []domain.Reader
	seq, err := l.Store.Histories(ctx, l.applied.Load(), func(r domain.Reader) error {
		list = append(list, r)
		return nil
	})
	if err != nil {
		return err
	}
	l.Recommender.Put(list)
	l.applied.Store(seq)
	return nil
}

// Record stores interactions that were validated. Once it returns, they are
// durable, and count here.
//
// Error: domain.ErrStoreDown; then an unknown part of them is stored.
func (l *Replicator) Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error) {
	write, cancel := withinWrite(ctx)
	defer cancel()
	outcomes, err := l.Store.Record(write, list)
	if err != nil {
		l.metrics.writes.WithLabelValues("failed").Add(float64(len(list)))
		return nil, l.down(ctx, err)
	}
	changed := make([]domain.Reader, 0, len(outcomes))
	for _, o := range outcomes {
		l.metrics.writes.WithLabelValues(o.Status.String()).Inc()
		if o.Status == domain.Stored {
			changed = append(changed, o.Reader)
		}
	}
	l.Recommender.Put(changed)
	return outcomes, nil
}

// Forget deletes a reader from the store and from memory, and returns the
// sequence number of that change.
//
// Error: domain.ErrStoreDown.
func (l *Replicator) Forget(ctx context.Context, userID int64) (seq int64, err error) {
	write, cancel := withinWrite(ctx)
	defer cancel()
	gone, err := l.Store.Forget(write, userID)
	if err != nil {
		return 0, l.down(ctx, err)
	}
	l.Recommender.Put([]domain.Reader{gone})
	return gone.Seq, nil
}

// withinWrite leaves time to tell the caller that the store is away: this may be
// a second attempt, of which part of the caller's patience is spent.
func withinWrite(ctx context.Context) (context.Context, context.CancelFunc) {
	most := writeTimeout
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)*3/4)
	}
	return context.WithTimeout(ctx, most)
}

// down says that the store is, when it did not answer in time.
func (l *Replicator) down(ctx context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time", domain.ErrStoreDown)
	}
	return err
}

// CatchUp sees to it that a reader's own writes up to a sequence number count. When the
// memory is behind, it asks the store for that reader alone; when the store does
// not answer, what is in memory has to do.
func (l *Replicator) CatchUp(ctx context.Context, userID, seq int64) {
	if seq <= l.applied.Load() || seq <= l.Recommender.Reader(userID).Seq {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	row, err := l.Store.History(ctx, userID)
	if err != nil {
		l.metrics.catchUps.WithLabelValues("failed").Inc()
		return
	}
	l.metrics.catchUps.WithLabelValues("read").Inc()
	if row.ID != 0 {
		l.Recommender.Put([]domain.Reader{row})
	}
}
