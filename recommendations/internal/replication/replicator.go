package replication

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/store"
)

// Store is the part of a store that a Replicator uses.
type Store interface {
	models.Store
	Head(ctx context.Context) (store.Head, error)
	Catalog(ctx context.Context) (domain.Catalog, error)
	Histories(ctx context.Context, after store.Position, yield func(domain.Reader) error) (store.Position, error)
	History(ctx context.Context, userID int64) (domain.Reader, error)
	Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error)
	Forget(ctx context.Context, userID, generation int64) (domain.Reader, error)
	ReaderID(ctx context.Context, text string, add bool) (int64, error)
	Seed(ctx context.Context, load func() (*domain.Library, error)) (bool, error)
	WithLock(ctx context.Context, name string, fn func(context.Context) error) error
	Changes(ctx context.Context) <-chan struct{}
}

// Config configures a Replicator.
type Config struct {
	Store       Store
	Recommender *recommender.Recommender
	// Demo returns the library that fills an empty store. If nil, an empty store
	// stays empty and the replica waits for an import.
	Demo func() (*domain.Library, error)
	// Train trains a model if the store has none that fits the catalogue.
	Train    bool
	Workers  int    // goroutines to train on
	OnLoaded func() // called once, when everything is in memory
	// OnState is called with why the store could not be read, and why not written, the last
	// time; nil if it could. Calls come one after the other.
	OnState  func(read, write error)
	Log      logr.Logger
	Registry prometheus.Registerer

	NativeHistograms bool
}

const (
	pollInterval  = 250 * time.Millisecond
	pollTimeout   = 10 * time.Second
	retryInterval = 100 * time.Millisecond // first pause between loads, doubled each time
	maxRetry      = 5 * time.Second
	// writeTimeout is below the 2 s that callers wait, so that they get
	// ErrStoreDown and do not take this replica for one that hangs.
	writeTimeout   = 1500 * time.Millisecond
	catchUpTimeout = 100 * time.Millisecond
)

// Replicator connects a store and a recommender.
type Replicator struct {
	Config
	metrics *metrics
	ctx     context.Context
	cancel  context.CancelFunc

	// Used by Run alone.
	head  store.Head           // state of the store that the catalogue and the model in memory belong to
	model *loadedModel         // nil for none
	at    store.Position       // all histories up to this commit are in memory
	away  map[store.Cause]bool // causes logged since the store became unreachable; nil while it is reachable

	applied atomic.Int64 // its sequence number
	lost    atomic.Int64 // when the store became unreachable, in Unix nanoseconds; 0 while it is reachable
	writes  writes
	state   state
}

// New returns a Replicator. Nothing happens before Run.
func New(cfg Config) *Replicator {
	if cfg.OnState == nil {
		cfg.OnState = func(error, error) {}
	}
	r := &Replicator{Config: cfg}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.metrics = newMetrics(cfg.Registry, r)
	r.Store = timedStore{r.Store, r.metrics}
	return r
}

// Run loads the store, however long that takes, then follows it until Stop. It returns an
// error if the store is a file that is of no use.
func (r *Replicator) Run() error {
	if err := r.loadWithRetries(); err != nil {
		if r.ctx.Err() != nil {
			return nil // Stop has ended the attempts
		}
		return err
	}
	debug.FreeOSMemory() // loading used more than it loaded
	r.reads(nil)
	r.OnLoaded()
	changes := r.Store.Changes(r.ctx)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return nil
		case <-changes:
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(r.ctx, pollTimeout)
		err := r.poll(ctx)
		cancel()
		r.report(err)
	}
}

// Stop ends Run.
func (r *Replicator) Stop(context.Context) error {
	r.cancel()
	return nil
}

// loadWithRetries loads everything. It fails only after Stop, or if the store is a file that
// is of no use.
func (r *Replicator) loadWithRetries() error {
	var began time.Time
	_, err := backoff.Retry(r.ctx,
		func() (any, error) {
			began = time.Now()
			err := r.load(r.ctx)
			if file := store.Hopeless(err); file != "" {
				return nil, backoff.Permanent(fmt.Errorf("%s: %w", file, err))
			}
			return nil, err
		},
		backoff.WithBackOff(&backoff.ExponentialBackOff{InitialInterval: retryInterval, Multiplier: 2, MaxInterval: maxRetry}),
		backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, pause time.Duration) {
			telemetry.Warn(r.Log, "store cannot be loaded yet", "error", err.Error(), "retryIn", pause.String())
			r.reads(err)
		}),
	)
	if err != nil {
		return err
	}
	catalog, _ := r.Recommender.Catalog()
	r.Log.Info("store loaded", "books", len(catalog.Books), "catalog", catalog.Version,
		"readers", r.Recommender.Readers(), "seq", r.applied.Load(), "took", time.Since(began).String())
	return nil
}

// report logs when the store becomes unreachable, each further cause once, and when the store
// is back.
func (r *Replicator) report(err error) {
	r.metrics.countError(err)
	if r.ctx.Err() != nil {
		return
	}
	if err == nil {
		if r.away == nil {
			return
		}
		r.Log.Info("store reachable again", "staleFor", time.Since(time.Unix(0, r.lost.Swap(0))).Round(time.Millisecond).String())
		r.away = nil
		r.reads(nil)
		return
	}
	if r.away == nil {
		r.away = map[store.Cause]bool{}
		r.lost.Store(time.Now().UnixNano())
	}
	if cause := store.CauseOf(err); !r.away[cause] {
		r.away[cause] = true
		r.Log.Error(err, "store unreachable: shelves come from memory", "cause", cause)
	}
	r.reads(err)
}

// state is why the store could not be used the last time; nil if it could.
type state struct {
	mu          sync.Mutex
	read, write error
}

func (r *Replicator) reads(err error) {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	r.state.read = err
	r.OnState(err, r.state.write)
}

// writes is whether writes fail.
type writes struct {
	mu     sync.Mutex
	cause  store.Cause // "" while they succeed
	logged time.Time
}

// reportWrite counts a write that failed through the store. It logs when writes begin to
// fail, for another cause than before, and when they succeed again, at most once a second.
func (r *Replicator) reportWrite(err error) {
	r.metrics.countError(err)
	cause := store.CauseOf(err)
	if err != nil && cause == "" { // its own fault
		return
	}
	w := &r.writes
	w.mu.Lock()
	defer w.mu.Unlock()
	if before := w.cause; before == cause || time.Since(w.logged) < time.Second {
		return
	} else if cause == "" {
		r.Log.Info("writes succeed again", "failedFor", before)
	} else {
		r.Log.Error(err, "writes fail", "cause", cause)
	}
	w.cause, w.logged = cause, time.Now()
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	r.state.write = err
	r.OnState(r.state.read, err)
}

// load loads everything from the store.
func (r *Replicator) load(ctx context.Context) error {
	if err := r.seed(ctx); err != nil {
		return err
	}
	head, err := r.Store.Head(ctx)
	if err != nil {
		return err
	}
	if head.CatalogVersion == "" {
		return errors.New("the store has no books: import some")
	}
	if err := r.loadReaders(ctx); err != nil {
		return err
	}
	return r.serve(ctx, head)
}

// seed fills an empty store with the demonstration.
func (r *Replicator) seed(ctx context.Context) error {
	head, err := r.Store.Head(ctx)
	if err != nil || head.CatalogVersion != "" || r.Demo == nil {
		return err
	}
	var demo *domain.Library
	seeded, err := r.Store.Seed(ctx, func() (_ *domain.Library, err error) {
		if demo, err = r.Demo(); err != nil {
			return nil, fmt.Errorf("embedded data: %w", err)
		}
		return demo, nil
	})
	if seeded {
		r.Log.Info("empty store filled with the embedded demonstration", "books", len(demo.Books), "ratings", len(demo.Ratings))
	}
	return err
}

// loadReaders replaces all histories in memory.
func (r *Replicator) loadReaders(ctx context.Context) error {
	list, at, err := r.readersAfter(ctx, store.Position{})
	if err != nil {
		return err
	}
	r.Recommender.Replace(list)
	r.have(at)
	return nil
}

// have notes that all histories up to a commit are in memory.
func (r *Replicator) have(at store.Position) {
	r.at = at
	r.applied.Store(at.Seq)
}

// readersAfter returns the readers that changed after a commit, and the one up to which
// these are all.
func (r *Replicator) readersAfter(ctx context.Context, after store.Position) (list []domain.Reader, at store.Position, err error) {
	at, err = r.Store.Histories(ctx, after, func(one domain.Reader) error {
		list = append(list, one)
		return nil
	})
	return list, at, err
}

// poll applies the store's changes to memory.
func (r *Replicator) poll(ctx context.Context) error {
	head, err := r.Store.Head(ctx)
	if err != nil {
		return err
	}
	switch {
	case head.StoreID != r.head.StoreID:
		r.Log.Info("another store in its place: loading it")
		return r.load(ctx)
	case head.CatalogVersion != r.head.CatalogVersion:
		// The histories may be about other books than those in memory: load all.
		if err := r.loadReaders(ctx); err != nil {
			return err
		}
		if err := r.serve(ctx, head); err != nil {
			return err
		}
	case head.Activation != r.head.Activation || head.Model != r.head.Model:
		if err := r.serve(ctx, head); err != nil {
			return err
		}
	}
	if head.Position == r.at {
		return nil
	}
	list, at, err := r.readersAfter(ctx, r.at)
	if errors.Is(err, store.ErrCut) {
		// It was restored from a backup, or is a standby that lost commits: what it lost
		// must leave the memory.
		r.metrics.cuts.Inc()
		telemetry.Warn(r.Log, "the store lost commits that were in memory: loading it again", "seq", r.at.Seq, "storeSeq", head.Seq)
		return r.load(ctx)
	}
	if err != nil {
		return err
	}
	r.Recommender.Put(list)
	r.have(at)
	return nil
}

// Record stores interactions, which must be valid. When it returns they are durable
// and shelves of this replica reflect them.
//
// Error: domain.ErrStoreDown; any part of the interactions may have been stored.
func (r *Replicator) Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error) {
	write, cancel := withWriteTimeout(ctx)
	defer cancel()
	outcomes, err := r.Store.Record(write, list)
	r.reportWrite(err)
	if err != nil {
		r.metrics.writes.WithLabelValues("failed").Add(float64(len(list)))
		return nil, timeoutAsDown(ctx, err)
	}
	changed := make([]domain.Reader, 0, len(outcomes))
	for _, o := range outcomes {
		r.metrics.writes.WithLabelValues(o.Status.String()).Inc()
		if o.Status == domain.Stored || o.Status == domain.Forgotten { // the memory may not know yet
			changed = append(changed, o.Reader)
		}
	}
	r.Recommender.Put(changed)
	return outcomes, nil
}

// Forget deletes a reader of a generation, 0 for any, from the store and from memory, and
// returns the sequence number of that change. If the generation is over already, nothing
// happens.
//
// Error: domain.ErrStoreDown.
func (r *Replicator) Forget(ctx context.Context, userID, generation int64) (seq int64, err error) {
	write, cancel := withWriteTimeout(ctx)
	defer cancel()
	forgotten, err := r.Store.Forget(write, userID, generation)
	r.reportWrite(err)
	if err != nil {
		return 0, timeoutAsDown(ctx, err)
	}
	r.Recommender.Put([]domain.Reader{forgotten})
	return forgotten.Seq, nil
}

// ReaderID returns the number of a reader whose id is a text, 0 for a text that the store does
// not have. With add, the store has it from then on.
//
// Error: domain.ErrStoreDown.
func (r *Replicator) ReaderID(ctx context.Context, text string, add bool) (int64, error) {
	write, cancel := withWriteTimeout(ctx)
	defer cancel()
	id, err := r.Store.ReaderID(write, text, add)
	if err != nil {
		r.metrics.countError(err)
		return 0, timeoutAsDown(ctx, err)
	}
	return id, nil
}

// withWriteTimeout leaves time to answer ErrStoreDown before the caller's deadline,
// which an earlier attempt may have used up in part.
func withWriteTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := writeTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline)*3/4)
	}
	return context.WithTimeout(ctx, timeout)
}

// timeoutAsDown returns ErrStoreDown if the store did not answer within the write
// timeout, and err as it is otherwise. ctx is the caller's.
func timeoutAsDown(ctx context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time", domain.ErrStoreDown)
	}
	return err
}

// CatchUp makes shelves reflect a reader's own writes up to a sequence number. If the
// memory is behind, it reads that reader alone from the store. If the store does not
// answer, the memory stays as it is. It reports whether the reader has no such write,
// because the store lost it.
func (r *Replicator) CatchUp(ctx context.Context, userID, seq int64) (lost bool) {
	complete := seq <= r.applied.Load()
	if known := r.Recommender.Reader(userID).Seq; complete || seq <= known {
		return known < seq
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	found, err := r.Store.History(ctx, userID)
	if err != nil {
		r.metrics.catchUps.WithLabelValues("failed").Inc()
		r.metrics.countError(err)
		return false
	}
	r.metrics.catchUps.WithLabelValues("read").Inc()
	if found.ID != 0 {
		r.Recommender.Put([]domain.Reader{found})
	}
	return found.Seq < seq
}
