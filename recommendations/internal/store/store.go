package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"bookstall/recommendations/internal/domain"
)

// Errors that a caller can handle, besides domain.ErrStoreDown and
// domain.ErrModelNotFound.
var (
	// ErrNoEarlierModel: there is no previous model to roll back to.
	ErrNoEarlierModel = errors.New("no other model was active before")
	// ErrDemoInUse: the store holds the demonstration, and readers' interactions with
	// its books, which would be lost.
	ErrDemoInUse = errors.New("the store holds the demonstration, and readers' interactions with it")
	// ErrDemoRatings: ratings cannot be added to the demonstration, because its book
	// ids belong to other books.
	ErrDemoRatings = errors.New("the store holds the demonstration's books: import books, too")
	// ErrCatalogChanged: the catalogue is not the one that an import was compared with.
	ErrCatalogChanged = errors.New("the catalogue has changed since it was read")
	// ErrIDTaken: an external id has another number in the store, or another one its number.
	ErrIDTaken = errors.New("the store has another number for an external id")
	// ErrCut: the store does not have a commit any more that somebody has seen. It was
	// restored from a backup, is a standby that lost commits, or has had thousands since.
	ErrCut = errors.New("the store does not have that commit any more")
)

// Position is a commit that changed histories. A store has all positions up to its last one,
// except that it remembers only the last thousands of them. The zero value comes before the
// first.
type Position struct {
	Seq  int64  // sequence number
	Mark string // made at random
}

// Head is the state of a store in short.
type Head struct {
	StoreID        string // unique to this store
	Position              // the last commit that changed histories
	CatalogVersion string // "" before there are books
	Demo           bool   // the books are the embedded demonstration's
	Model          string // version of the active model; "" for none
	Activation     int64  // grows with each activation of a model
}

// Options configure a Store.
type Options struct {
	Log   logr.Logger
	Now   func() time.Time // the clock; nil for the real one
	Conns int              // limit of connections for reading; 0 for a default
	// Reread returns the URL again, as its password may have changed. Each new connection
	// to PostgreSQL asks. nil means that the URL stays.
	Reread func() (string, error)
}

// Store is an open store. It is safe for concurrent use, by any number of
// processes.
type Store struct {
	dialect dialect
	read    *sql.DB
	write   *sql.DB
	now     func() time.Time
	log     logr.Logger

	queue chan *writing // work for the writer
	quit  chan struct{}
	done  sync.WaitGroup

	migrating chan struct{} // holds a value while a migration runs
	migrated  atomic.Bool
	moved     atomic.Bool // stillThere has logged
	damaged   atomic.Bool // fault has logged
}

// Open returns the store of a URL: sqlite:FILE or postgres://… It does not connect
// yet. The first method called does, and creates or migrates the tables if needed.
func Open(url string, o Options) (*Store, error) {
	d, err := parse(url, o)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{
		dialect: d, now: o.Now, log: o.Log,
		queue: make(chan *writing), quit: make(chan struct{}), migrating: make(chan struct{}, 1),
	}
	if s.read, s.write, err = d.open(o.Conns); err != nil {
		return nil, err
	}
	s.done.Go(s.writeAll)
	return s, nil
}

// CheckURL reports whether the URL of a store is valid.
func CheckURL(url string) error {
	_, err := parse(url, Options{})
	return err
}

// Missing returns the file of an SQLite store that does not exist yet, "" for any other
// store. Opening the store makes the file.
func Missing(url string) (file string) {
	d, err := parse(url, Options{})
	s, ok := d.(sqlite)
	if err != nil || !ok {
		return ""
	}
	if _, err := os.Stat(s.file); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return s.file
}

// Close stops the writer and closes the connections.
func (s *Store) Close() error {
	close(s.quit)
	s.done.Wait()
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	return errors.Join(err, s.dialect.close())
}

// ready migrates the store before its first use by this process.
func (s *Store) ready(ctx context.Context) error {
	if s.migrated.Load() {
		return nil
	}
	select {
	case s.migrating <- struct{}{}:
		defer func() { <-s.migrating }()
	case <-ctx.Done():
		return s.fault("migrate", ctx.Err())
	}
	if s.migrated.Load() {
		return nil
	}
	if err := s.dialect.migrate(ctx, s.write, s.log); err != nil {
		return s.fault("migrate", err)
	}
	s.migrated.Store(true)
	return nil
}

// fault wraps an error with what failed, and with ErrStoreDown if the database is
// unavailable.
func (s *Store) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, domain.ErrStoreDown) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	cause := s.dialect.cause(err)
	switch cause { //nolint:exhaustive // the others need nothing
	case "":
		return fmt.Errorf("%s: %w", doing, err)
	case Damaged:
		if !s.damaged.Swap(true) {
			s.log.Error(err, "the store is damaged: restore a backup", "store", s.dialect.where(), "doing", doing)
		}
	case Outdated: // a backup of an earlier version was restored: the next call migrates it
		s.migrated.Store(false)
	}
	file := ""
	if d, ok := s.dialect.(sqlite); ok {
		file = d.file
	}
	return &outage{cause, file, fmt.Errorf("%s: %w: %w", doing, domain.ErrStoreDown, err)}
}

// view runs do in a read-only snapshot.
func (s *Store) view(ctx context.Context, doing string, do func(*sql.Tx) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	tx, err := s.dialect.view(ctx, s.read)
	if err != nil {
		return s.fault(doing, s.checkRead(err))
	}
	defer func() { _ = tx.Rollback() }() // read-only
	return s.fault(doing, s.checkRead(do(tx)))
}

// checkRead adds to the error of a read that the store was removed. Then what was read is not
// what the next process finds, and a new connection fails for another cause.
func (s *Store) checkRead(err error) error {
	gone := s.dialect.intact()
	if gone == nil || err == nil {
		return cmp.Or(gone, err)
	}
	return fmt.Errorf("%w; %w", gone, err)
}

// change runs do in a transaction and commits. No other transaction writes at the
// same time: in SQLite from the start, in PostgreSQL from nextSeq or holdHead on.
func (s *Store) change(ctx context.Context, doing string, do func(*sql.Tx) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	unlock, err := s.dialect.lockWrites(ctx)
	if err != nil {
		return s.fault(doing, err)
	}
	defer unlock()
	tx, err := s.dialect.begin(ctx, s.write)
	if err != nil {
		return s.fault(doing, err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	err = do(tx)
	if errors.Is(err, errNoChange) {
		return s.fault(doing, s.stillThere(doing))
	}
	if err == nil {
		err = s.dialect.notify(ctx, tx)
	}
	if err == nil {
		err = s.stillThere(doing)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err == nil { // it may have been removed since
		err = s.stillThere(doing)
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err() // the end of ctx ended the transaction
	}
	return s.fault(doing, err)
}

// stillThere checks that what is committed can be found again, and logs the first time that
// it cannot.
func (s *Store) stillThere(doing string) error {
	err := s.dialect.intact()
	if err == nil {
		s.moved.Store(false)
	} else if !s.moved.Swap(true) {
		s.log.Error(err, "writes are refused: they would be lost", "store", s.dialect.where(), "write", doing)
	}
	return err
}

// errNoChange rolls back a transaction that has nothing to commit.
var errNoChange = errors.New("nothing to commit")

// nextSeq gives the transaction its sequence number. Others wait for the lock on this
// row until it has ended, so sequence numbers are committed in order: a replica that
// has seen one has seen all below it.
func nextSeq(ctx context.Context, tx *sql.Tx) (seq int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE head SET seq = seq + 1 RETURNING seq").Scan(&seq)
	return seq, err
}

// holdHead takes the same lock for a transaction without a sequence number.
func holdHead(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE head SET seq = seq")
	return err
}

// Head returns the head of the store.
func (s *Store) Head(ctx context.Context) (h Head, err error) {
	if err := s.ready(ctx); err != nil {
		return Head{}, err
	}
	h, err = head(ctx, s.read)
	return h, s.fault("head", s.checkRead(err))
}

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func head(ctx context.Context, q querier) (h Head, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT h.store_id, h.seq, coalesce(c.mark, ''), h.catalog_version, h.demo, coalesce(a.n, 0), coalesce(a.version, '')
		FROM head h
		LEFT JOIN commits c ON c.slot = h.seq % 16384 AND c.seq = h.seq
		LEFT JOIN activations a ON a.n = (SELECT max(n) FROM activations)`,
	).Scan(&h.StoreID, &h.Seq, &h.Mark, &h.CatalogVersion, &h.Demo, &h.Activation, &h.Model)
	return h, err
}

// commitSlots is the number of commits that a store remembers; see the migrations.
const commitSlots = 16384

// holds returns ErrCut if the store does not have a position, or no longer.
func holds(ctx context.Context, q querier, p Position) error {
	if p == (Position{}) {
		return nil
	}
	var n int
	err := q.QueryRowContext(ctx, "SELECT count(*) FROM commits WHERE slot = $1 AND seq = $2 AND mark = $3", p.Seq%commitSlots, p.Seq, p.Mark).Scan(&n)
	if err == nil && n == 0 {
		err = ErrCut
	}
	return err
}

// Changes returns a channel that receives a value when something may have changed,
// until ctx ends. It is only a hint: poll Head as well.
func (s *Store) Changes(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	s.done.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-s.quit:
				cancel()
			case <-ctx.Done():
			}
		}()
		s.dialect.listen(ctx, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	})
	return changed
}

// WithLock runs do under a lock of that name, which excludes other callers here and
// in other processes. The context of do ends if another process has taken the lock, which
// happens after this one could not reach PostgreSQL for a while.
func (s *Store) WithLock(ctx context.Context, name string, do func(context.Context) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	held, unlock, err := s.dialect.lock(ctx, s.write, name)
	if err != nil {
		return s.fault("lock "+name, err)
	}
	defer unlock()
	return do(held)
}
