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
	opened *atomic.Pointer[openedFiles] // nil before the first migration
}

// openedFiles are the files of a database that is open. SQLite removes a log and its index
// when the last connection closes, so one stays open as long as the store.
type openedFiles struct {
	pin   *sql.DB
	files map[string]os.FileInfo // by path
}

func newSQLite(file string) (dialect, error) {
	if file == "" || strings.HasPrefix(file, ":") {
		return nil, errors.New("sqlite: must be followed by the name of a file")
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	return sqlite{file: absolute, writes: newFileLock(absolute + ".lock"), opened: &atomic.Pointer[openedFiles]{}}, nil
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

// name returns the name of the database for connections that wait for another program.
func (d sqlite) name(wait time.Duration) string {
	options := url.Values{"_pragma": {
		"journal_mode(WAL)",
		"synchronous(FULL)", // a commit survives a power cut, not only the process
		"foreign_keys(1)",
		"temp_store(MEMORY)", // containers may have no folder for temporary files
	}}
	// mode=rw: migrate creates the file. A connection that SQLite makes later must not put an
	// empty file in the place of one that was removed.
	return "file:" + (&url.URL{Path: d.file}).EscapedPath() + "?mode=rw&" + options.Encode() +
		fmt.Sprintf("&_pragma=busy_timeout(%d)", wait.Milliseconds())
}

func (d sqlite) open(conns int) (read, write *sql.DB, err error) {
	if read, err = sql.Open("sqlite", d.name(busyMost)); err != nil {
		return nil, nil, err
	}
	read.SetMaxOpenConns(cmp.Or(conns, sqliteReaders))
	read.SetMaxIdleConns(cmp.Or(conns, sqliteReaders))
	// Writers take the lock at BEGIN. Taking it at the first write would fail if
	// another transaction had written since the first read.
	if write, err = sql.Open("sqlite", d.name(busyTimeout)+"&_txlock=immediate"); err != nil {
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
	if info, err := os.Stat(d.file); err == nil && info.IsDir() {
		return errFolder
	}
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
	if d.opened.Load() != nil { // connections may still have the files that were opened first
		return nil
	}
	opened, err := d.pin(ctx)
	if err == nil {
		d.opened.Store(opened)
	}
	return err
}

// pin opens a connection that stays open, and returns it with the files that it has.
func (d sqlite) pin(ctx context.Context) (*openedFiles, error) {
	db, err := sql.Open("sqlite", d.name(busyMost))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	o := &openedFiles{pin: db, files: map[string]os.FileInfo{}}
	var journal string
	err = db.QueryRowContext(context.WithoutCancel(ctx), "PRAGMA journal_mode").Scan(&journal)
	paths := []string{d.file}
	if journal == "wal" { // some file systems allow none
		paths = append(paths, d.file+"-wal", d.file+"-shm")
	}
	for _, path := range paths {
		if err == nil {
			o.files[path], err = os.Stat(path)
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return o, nil
}

func (d sqlite) close() error {
	if o := d.opened.Load(); o != nil {
		return o.pin.Close()
	}
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

// intact: the files at the paths of the database, of its log and of the log's index are still
// those that are open. SQLite goes on writing into files that have been removed, without an
// error; they are gone when the process ends. A log that another process made anew has none
// of this one's commits.
func (d sqlite) intact() error {
	for path, opened := range d.opened.Load().files {
		info, err := os.Stat(path)
		if err == nil && !os.SameFile(info, opened) {
			err = fmt.Errorf("%s is another file than was opened", path)
		}
		if err == nil {
			continue
		}
		help := "put it back, or restore a backup and start again"
		if path != d.file {
			help = "stop all programs that use the store, then start them: the last one to stop saves what was acknowledged"
		}
		return fmt.Errorf("%w: %w: %s", errMoved, err, help)
	}
	return nil
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

// values returns placeholders without numbers. For SQLite, $1 is a name, which it looks up among
// all earlier ones of the statement when it parses it and when it takes the value.
func (d sqlite) values(rows, columns int) string {
	return rowsOf(rows, columns, func(int) string { return "?" })
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
	case errors.Is(err, errFolder):
		return Refused
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

// errFolder: the name of the file is that of a folder.
var errFolder = errors.New("is a folder, want a file")

// errMoved: a file of the database was removed or replaced while it was open.
var errMoved = errors.New("the file of the store is gone")

// errLock: the lock file cannot be created or locked.
var errLock = errors.New("lock file")

func lockError(err error) error { return fmt.Errorf("%w: %w", errLock, err) }
