package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-logr/logr"
	"github.com/pressly/goose/v3"

	"bookstall/recommendations/internal/domain"
)

// dialect is the difference between the databases.
type dialect interface {
	// open returns the pools for reading and for writing, which may be the same; 0
	// means the default number of connections. It does not connect yet.
	open(conns int) (read, write *sql.DB, err error)
	// close releases what else is open, after the pools.
	close() error
	migrate(ctx context.Context, db *sql.DB, log logr.Logger) error
	// view starts a transaction that reads a snapshot.
	view(ctx context.Context, read *sql.DB) (*sql.Tx, error)
	// lockWrites excludes other writers, if begin does not.
	lockWrites(ctx context.Context) (unlock func(), err error)
	// begin starts a transaction that writes.
	begin(ctx context.Context, write *sql.DB) (*sql.Tx, error)
	// lock takes a named lock, across processes. held ends when another process has it.
	lock(ctx context.Context, write *sql.DB, name string) (held context.Context, unlock func(), err error)
	// values returns what stands for the values of some rows after VALUES, in their order.
	values(rows, columns int) string
	// putAll writes many readers.
	putAll(ctx context.Context, tx *sql.Tx, rows []domain.Reader) error
	// notify wakes the listeners of all processes once the transaction commits.
	notify(ctx context.Context, tx *sql.Tx) error
	// listen calls changed after each notify until ctx ends.
	listen(ctx context.Context, changed func())
	// intact returns an error that has a cause if what is read or committed is not where
	// the next process looks for it.
	intact() error
	// cause returns why the database cannot be used now, or "" if an error does not mean
	// that.
	cause(err error) Cause
	where() string // for logs, without a password
}

//go:embed migrations
var migrations embed.FS

// parse returns the dialect of a URL. Its errors do not repeat the URL, which may
// contain a password.
func parse(url string, o Options) (dialect, error) {
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return newSQLite(file)
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return newPostgres(url, o)
	}
	const want = "sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
	if strings.HasPrefix(url, `"`) || strings.HasPrefix(url, "'") { // a file of variables is not read by a shell
		return nil, errors.New("the store begins with a quote, which is taken as a part of it: it must be " + want + " without quotes")
	}
	return nil, errors.New("the store must be " + want)
}

// schema applies the migrations that this program knows. Those of a newer program stay.
type schema struct{ *goose.Provider }

func newSchema(d goose.Dialect, db *sql.DB, folder string) (schema, error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return schema{}, err
	}
	provider, err := goose.NewProvider(d, db, files)
	return schema{provider}, err
}

func (s schema) apply(ctx context.Context, log logr.Logger) error {
	results, err := s.Up(ctx)
	for _, r := range results {
		log.Info("migrated", "migration", r.Source.Path, "took", r.Duration.String())
	}
	return err
}

// placeholders returns ($1, $2), ($3, $4) for two rows of two.
func placeholders(rows, columns int) string {
	return rowsOf(rows, columns, func(n int) string { return fmt.Sprintf("$%d", n) })
}

// rowsOf returns some rows of placeholders, which have the numbers from 1.
func rowsOf(rows, columns int, placeholder func(n int) string) string {
	var b strings.Builder
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteString(", ")
			}
			n++
			b.WriteString(placeholder(n))
		}
		b.WriteByte(')')
	}
	return b.String()
}
