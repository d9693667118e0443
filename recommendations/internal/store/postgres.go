package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"bookstall/recommendations/internal/domain"
)

// postgres is a database server, shared by all replicas.
type postgres struct {
	config *pgx.ConnConfig
}

const (
	postgresConns   = 8
	connectTimeout  = 2 * time.Second
	postgresChannel = "bookstall"
)

const wantPostgres = "want postgres://USER:PASSWORD@HOST:PORT/DATABASE (@ as %40, / as %2F, # as %23, ? as %3F, % as %25)"

// obstacle says which characters stand in the way of reading a URL, and nothing else of it.
func obstacle(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	credentials := rest[:max(0, strings.LastIndex(rest, "@"))]
	var found []string
	for _, c := range []struct{ in, chars, name string }{
		{text, "\n\r", "line break"}, {text, " \t", "space"},
		{credentials, "@", "@"}, {credentials, "/", "/"}, {credentials, "#", "#"}, {credentials, "?", "?"},
	} {
		if strings.ContainsAny(c.in, c.chars) {
			found = append(found, c.name)
		}
	}
	if _, err := url.PathUnescape(credentials); err != nil {
		found = append(found, "%")
	}
	if len(found) == 0 {
		return ""
	}
	return ": percent-encode " + strings.Join(found, " ")
}

func newPostgres(text string) (dialect, error) {
	config, err := pgx.ParseConfig(text)
	if err != nil {
		// Not the error itself: it repeats the URL, and hides the password only if the
		// URL could be parsed.
		return nil, fmt.Errorf("the postgres URL cannot be parsed%s; %s", obstacle(text), wantPostgres)
	}
	u, err := url.Parse(text) // it knows no lists of hosts
	if strings.ContainsAny(text, "# \t\r\n") || err == nil && (strings.Contains(u.EscapedPath(), "@") || u.User == nil && strings.Contains(u.RawQuery, "@")) {
		return nil, fmt.Errorf("the postgres URL is ambiguous%s; %s", obstacle(text), wantPostgres)
	}
	config.ConnectTimeout = connectTimeout
	// A replica whose host disappeared must not block the others by the locks that it
	// held.
	for name, value := range map[string]string{
		"idle_in_transaction_session_timeout": "10s",
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
	} {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = value
		}
	}
	return postgres{config: config}, nil
}

func (d postgres) open(conns int) (read, write *sql.DB, err error) {
	db := stdlib.OpenDB(*d.config)
	db.SetMaxOpenConns(cmp.Or(conns, postgresConns))
	db.SetMaxIdleConns(cmp.Or(conns, postgresConns))
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, db, nil
}

func (d postgres) migrate(ctx context.Context, db *sql.DB, log logr.Logger) error {
	held, unlock, err := d.lock(ctx, "migrate")
	if err != nil {
		return err
	}
	defer unlock()
	err = migrateTo(held, goose.DialectPostgres, db, "postgres", log)
	if err != nil && held.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %s", errLockLost, err.Error()) // not wrapped: nobody cancelled the call
	}
	return err
}

// errLockLost: the connection that held a lock broke.
var errLockLost = errors.New("the connection to the database broke")

func (d postgres) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// lockWrites does nothing: nextSeq and holdHead lock a row.
func (d postgres) lockWrites(context.Context) (unlock func(), err error) { return func() {}, nil }

func (d postgres) begin(ctx context.Context, write *sql.DB) (*sql.Tx, error) {
	return write.BeginTx(ctx, nil)
}

// lock takes an advisory lock on a connection of its own. The lock is lost when that
// connection breaks.
func (d postgres) lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return nil, nil, err
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte("bookstall:" + name))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(h.Sum64())); err != nil {
		closeConn(ctx, conn)
		return nil, nil, err
	}
	held, lost := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		_, _ = conn.WaitForNotification(held) // returns when the connection breaks or held ends
		lost()
	}()
	return held, func() {
		lost()
		<-watched
		closeConn(ctx, conn)
	}, nil
}

// closeConn closes a connection, within a limit in case the server does not answer.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

// putAll sends thousands of rows per statement, because all other writers wait during
// each round trip.
func (d postgres) putAll(ctx context.Context, tx *sql.Tx, rows []domain.Reader) error {
	for next := range slices.Chunk(rows, 4096) {
		users, seqs := make([]int64, len(next)), make([]int64, len(next))
		forgotten, data := make([]bool, len(next)), make([][]byte, len(next))
		for i, r := range next {
			users[i], seqs[i], forgotten[i], data[i] = r.ID, r.Seq, r.Forgotten, r.History
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO histories (user_id, seq, forgotten, data) "+
			"SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::bytea[])"+orReplace, users, seqs, forgotten, data)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d postgres) notify(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_notify($1, '')", postgresChannel)
	return err
}

// listen reconnects with backoff. Between two connections it misses notifications;
// polling makes up for that.
func (d postgres) listen(ctx context.Context, changed func()) {
	retry := backoff.ExponentialBackOff{InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 5 * time.Second}
	for ctx.Err() == nil {
		if d.listenOnce(ctx, changed) {
			retry.Reset()
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry.NextBackOff()):
		}
	}
}

// listenOnce listens on one connection until it breaks or ctx ends, and reports
// whether it got as far as that.
func (d postgres) listenOnce(ctx context.Context, changed func()) (listened bool) {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return false
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, "LISTEN "+postgresChannel); err != nil {
		return false
	}
	changed() // something may have changed before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true
		}
		changed()
	}
}

func (d postgres) intact() error { return nil }

func (d postgres) where() string { return "PostgreSQL" }

// causesByCode are the causes by the start of SQLSTATE: a class, or a code of one. The first
// that fits counts.
func causesByCode() []struct {
	code  string
	cause Cause
} {
	return []struct {
		code  string
		cause Cause
	}{
		{"08", Unreachable}, // connection
		{"53100", Full},     // disk_full
		{"53", Exhausted},   // out of memory, too many connections
		{"57014", Timeout},  // cancelled, by statement_timeout or by us
		{"57", Unreachable}, // shutting down, starting
		{"58", IO},          // system error
		{"25006", ReadOnly}, // read-only, as on a standby
		{"25P03", Timeout},  // idle transaction ended
		{"40", Busy},        // transaction rolled back: deadlock, serialisation
		{"55P03", Busy},     // lock not available
		{"28", Refused},     // authentication
		{"3D", Refused},     // database does not exist
		{"42703", Outdated}, // column does not exist
		{"42P01", Outdated}, // table does not exist
		{"XX001", Damaged},  // data corrupted
		{"XX002", Damaged},  // index corrupted
	}
}

// cause finds the codes of PostgreSQL that mean that the server is at fault and not the
// statement.
func (d postgres) cause(err error) Cause {
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		for _, row := range causesByCode() {
			if strings.HasPrefix(failed.Code, row.code) {
				return row.cause
			}
		}
		return ""
	}
	if errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
		return Timeout
	}
	if errors.Is(err, errLockLost) {
		return Unreachable
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return Unreachable
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return Unreachable
	}
	// The connection broke during a statement.
	if pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) {
		return Unreachable
	}
	return ""
}
