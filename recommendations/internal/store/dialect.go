package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-logr/logr"
	"github.com/pressly/goose/v3"

	"bookstall/recommendations/internal/domain"
)

// dialect is what differs between the databases.
type dialect interface {
	// open returns the connections to read and to write by, which may be the
	// same; 0 is the default number of them. Nothing is reached for yet.
	open(conns int) (read, write *sql.DB, err error)
	migrate(ctx context.Context, db *sql.DB, log logr.Logger) error
	// snapshot is the kind of transaction that sees one moment.
	snapshot() *sql.TxOptions
	// lockWrites waits until this process may write.
	lockWrites(ctx context.Context) (unlock func(), err error)
	// begin begins a transaction that writes.
	begin(ctx context.Context, write *sql.DB) (*sql.Tx, error)
	// lock takes a lock with a name, across processes. held ends with the lock.
	lock(ctx context.Context, name string) (held context.Context, unlock func(), err error)
	// putAll writes very many rows of readers.
	putAll(ctx context.Context, tx *sql.Tx, rows []domain.Reader) error
	// notify tells the listeners of others, once the transaction commits.
	notify(ctx context.Context, tx *sql.Tx) error
	// listen calls changed after each notify until ctx ends.
	listen(ctx context.Context, changed func())
	// away reports whether an error says that the database cannot be used now.
	away(err error) bool
}

//go:embed migrations
var migrations embed.FS

// parse finds the dialect of a URL. Its errors do not repeat the URL, which may
// hold a password.
func parse(url string) (dialect, error) {
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return newSQLite(file)
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return newPostgres(url)
	}
	return nil, fmt.Errorf("the store must be sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
}

// migrateTo brings a database up to what this program knows. Migrations that it
// does not know, of a newer program, stay.
func migrateTo(ctx context.Context, d goose.Dialect, db *sql.DB, folder string, log logr.Logger) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(d, db, files)
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		log.Info("migrated", "migration", r.Source.Path, "took", r.Duration.String())
	}
	return err
}

// placeholders returns ($1, $2), ($3, $4) for two rows of two.
func placeholders(rows, columns int) string {
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
			fmt.Fprintf(&b, "$%d", n)
		}
		b.WriteByte(')')
	}
	return b.String()
}
