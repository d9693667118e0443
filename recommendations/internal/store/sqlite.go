package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/pressly/goose/v3"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"bookstall/recommendations/internal/domain"
)

// sqlite is one file, shared by the processes of one host.
type sqlite struct {
	file   string
	writes *fileLock
	opened *atomic.Pointer[os.FileInfo] // the file, once it is open
	logged *atomic.Bool                 // its log of writes has been seen; some file systems allow none
}

func newSQLite(file string) (dialect, error) {
	if file == "" || strings.HasPrefix(file, ":") {
		return nil, errors.New("sqlite: must be followed by the name of a file")
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	return sqlite{file: absolute, writes: newFileLock(absolute + ".lock"), opened: &atomic.Pointer[os.FileInfo]{}, logged: &atomic.Bool{}}, nil
}

// How long to wait for another program that holds the file, such as a backup. SQLite
// itself waits for busyTimeout, during which it ignores that a context has ended;
// patiently waits for the rest.
const (
	busyTimeout = 50 * time.Millisecond
	busyMost    = 5 * time.Second
)

// sqliteReaders is the default number of connections for reading.
const sqliteReaders = 4

func (d sqlite) open(conns int) (read, write *sql.DB, err error) {
	options := url.Values{"_pragma": {
		"journal_mode(WAL)",
		"synchronous(FULL)", // a commit survives a power cut, not only the process
		"foreign_keys(1)",
		"temp_store(MEMORY)", // containers may have no folder for temporary files
	}}
	// mode=rw: migrate creates the file. A connection that SQLite makes later must not put an
	// empty file in the place of one that was removed.
	name := "file:" + (&url.URL{Path: d.file}).EscapedPath() + "?mode=rw&" + options.Encode()
	if read, err = sql.Open("sqlite", name+busy(busyMost)); err != nil {
		return nil, nil, err
	}
	read.SetMaxOpenConns(cmp.Or(conns, sqliteReaders))
	read.SetMaxIdleConns(cmp.Or(conns, sqliteReaders))
	// Writers take the lock at BEGIN. Taking it at the first write would fail if
	// another transaction had written since the first read.
	if write, err = sql.Open("sqlite", name+busy(busyTimeout)+"&_txlock=immediate"); err != nil {
		return nil, nil, errors.Join(err, read.Close())
	}
	write.SetMaxOpenConns(1)
	return read, write, nil
}

func (d sqlite) migrate(ctx context.Context, db *sql.DB, log logr.Logger) error {
	unlock, err := d.writes.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if d.opened.Load() == nil {
		d.create()
	}
	err = patiently(ctx, func() error {
		tables, err := newSchema(goose.DialectSQLite3, db, "sqlite")
		if err != nil {
			return err
		}
		return tables.apply(ctx, log)
	})
	if err != nil {
		return err
	}
	info, err := os.Stat(d.file)
	if err != nil {
		return err
	}
	d.opened.Store(&info)
	return nil
}

// create creates the file if there is none, for its owner alone: it has readers' histories.
// SQLite gives the files beside it the same mode, and reports what is wrong if this fails. An
// existing file is not opened: closing it would end the locks that SQLite has on it.
func (d sqlite) create() {
	if f, err := os.OpenFile(d.file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err == nil {
		_ = f.Close() // nothing was written
	}
}

// intact: the file at the path is still the one that is open, and its log of writes is
// beside it. SQLite goes on writing into files that have been removed, without an error;
// they are gone when the process ends.
func (d sqlite) intact() error {
	info, err := os.Stat(d.file)
	if err == nil && !os.SameFile(info, *d.opened.Load()) {
		err = errors.New("it is another file than was opened")
	}
	if err == nil {
		if _, err = os.Stat(d.file + "-wal"); err == nil {
			d.logged.Store(true)
		} else if !d.logged.Load() {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w: put it back, or restore a backup and start again", errMoved, err)
	}
	return nil
}

func busy(most time.Duration) string {
	return fmt.Sprintf("&_pragma=busy_timeout(%d)", most.Milliseconds())
}

// patiently repeats do while another program holds the file, up to busyMost.
func patiently(ctx context.Context, do func() error) error {
	for end := time.Now().Add(busyMost); ; {
		err := do()
		failed, ok := errors.AsType[*sqlitedriver.Error](err)
		if !ok || failed.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(end) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (d sqlite) begin(ctx context.Context, write *sql.DB) (tx *sql.Tx, err error) {
	err = patiently(ctx, func() error {
		tx, err = write.BeginTx(ctx, nil)
		return err
	})
	return tx, err
}

// view needs no options: every transaction reads a snapshot.
func (d sqlite) view(ctx context.Context, read *sql.DB) (*sql.Tx, error) {
	return read.BeginTx(ctx, nil)
}

// lockWrites queues for the file in the kernel. SQLite's own waiting is polling with
// pauses: one of three busy writers would starve.
func (d sqlite) lockWrites(ctx context.Context) (unlock func(), err error) {
	return d.writes.lock(ctx)
}

func (d sqlite) lock(ctx context.Context, _ *sql.DB, name string) (held context.Context, unlock func(), err error) {
	unlock, err = newFileLock(d.file + "." + name + ".lock").lock(ctx)
	return ctx, unlock, err
}

func (d sqlite) putAll(ctx context.Context, tx *sql.Tx, rows []domain.Reader) error {
	return putReaders(ctx, tx, rows)
}

func (d sqlite) notify(context.Context, *sql.Tx) error { return nil }

func (d sqlite) listen(ctx context.Context, _ func()) { <-ctx.Done() }

// cause finds the codes of SQLite. An error in a statement has none.
func (d sqlite) cause(err error) Cause {
	switch {
	case errors.Is(err, errMoved):
		return Moved
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Full
	case errors.Is(err, errLock):
		return IO
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	failed, ok := errors.AsType[*sqlitedriver.Error](err)
	if !ok {
		return ""
	}
	switch failed.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return Full
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return Busy
	case sqlite3.SQLITE_INTERRUPT:
		return Timeout
	case sqlite3.SQLITE_READONLY:
		return ReadOnly
	case sqlite3.SQLITE_CANTOPEN:
		return Unreachable
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return Damaged
	case sqlite3.SQLITE_IOERR:
		if failed.Code() == sqlite3.SQLITE_IOERR_SHMSIZE { // no space for the file beside it
			return Full
		}
		return IO
	case sqlite3.SQLITE_ERROR:
		for _, missing := range []string{"no such table", "no such column", "has no column"} {
			if strings.Contains(failed.Error(), missing) {
				return Outdated
			}
		}
	}
	return ""
}

func (d sqlite) where() string { return d.file }

// errMoved: the file of the database was removed or replaced while it was open.
var errMoved = errors.New("the file of the store is gone")

// errLock: the lock file cannot be created or locked.
var errLock = errors.New("lock file")

func lockError(err error) error { return fmt.Errorf("%w: %w", errLock, err) }
