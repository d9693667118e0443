package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"bookstall/recommendations/internal/domain"
)

// postgres is a database of a server, shared by all replicas.
type postgres struct {
	*server

	lease time.Duration // of locks
}

const (
	postgresConns   = 8
	postgresChannel = "bookstall"
	readOnlyCode    = "25006" // read_only_sql_transaction
)

func newPostgres(text string, o Options) (dialect, error) {
	s, err := newServer(text, o)
	if err != nil {
		return nil, err
	}
	return postgres{s, lease}, nil
}

func (d postgres) open(conns int) (read, write *sql.DB, err error) {
	db := d.pool()
	db.SetMaxOpenConns(cmp.Or(conns, postgresConns))
	db.SetMaxIdleConns(cmp.Or(conns, postgresConns))
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, db, nil
}

func (d postgres) close() error { return nil }

// migrate applies what is missing under a lock, so that one of several programs that start
// at a time does it.
//
// Programs of 0.1.0, which run beside this one during a rollout, take an advisory lock
// instead, which a pooler would leave to somebody else, and notice no row of ours. They know
// the first migration alone: both can migrate an empty database at a time, and nothing else.
// Each migration is a transaction with its entry in the table of versions, so one of the
// two fails and finds it applied at its next attempt. Both may also train at a time, which
// costs time and leaves two good models, of which the later is active.
func (d postgres) migrate(ctx context.Context, db *sql.DB, log logr.Logger) error {
	m, err := newSchema(goose.DialectPostgres, db, "postgres")
	if err != nil {
		return err
	}
	// Without the lock where nothing is missing: a standby takes no lock, and a program that
	// is killed here keeps nobody waiting.
	var versioned bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", goose.DefaultTablename).Scan(&versioned); err != nil {
		return err
	}
	if versioned {
		if pending, err := m.HasPending(ctx); err != nil || !pending {
			return err
		}
	}
	held, unlock, err := lockFor(ctx, db, "migrate", migrateLease)
	if err != nil {
		return err
	}
	defer unlock()
	err = m.apply(held, log)
	if collided(err) {
		err = m.apply(held, log)
	}
	if err != nil && errors.Is(context.Cause(held), errLockTaken) {
		return fmt.Errorf("%w: %s", errLockTaken, err.Error()) // not wrapped: nobody cancelled the call
	}
	return err
}

// collided reports whether tables could not be made because another program was making them.
// Which of the codes it gets depends on how far that is.
func collided(err error) bool {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"23505", "42710", "42P07"}, failed.Code) // unique_violation, duplicate_object, duplicate_table
}

func (d postgres) view(ctx context.Context, read *sql.DB) (*sql.Tx, error) {
	return d.server.begin(ctx, read, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

// lockWrites does nothing: nextSeq and holdHead lock a row.
func (d postgres) lockWrites(context.Context) (unlock func(), err error) { return func() {}, nil }

func (d postgres) begin(ctx context.Context, write *sql.DB) (*sql.Tx, error) {
	return d.server.begin(ctx, write, nil)
}

func (d postgres) values(rows, columns int) string { return placeholders(rows, columns) }

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

// listen reconnects with backoff. Between two connections it misses notifications, and
// behind a pooler it gets none; polling makes up for that.
func (d postgres) listen(ctx context.Context, changed func()) {
	retry := backoff.ExponentialBackOff{InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 5 * time.Second}
	for ctx.Err() == nil {
		listened, err := d.listenOnce(ctx, changed)
		if errors.Is(err, errPooled) {
			<-ctx.Done()
			return
		}
		if listened {
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
func (d postgres) listenOnce(ctx context.Context, changed func()) (listened bool, err error) {
	conn, err := d.session(ctx)
	if err != nil {
		return false, err
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, "LISTEN "+postgresChannel); err != nil {
		return false, err
	}
	changed() // something may have changed before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, err
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
		{"08", Unreachable},      // connection
		{"53100", Full},          // disk_full
		{"53", Exhausted},        // out of memory, too many connections
		{"57014", Timeout},       // cancelled, by statement_timeout or by us
		{"57", Unreachable},      // shutting down, starting
		{"58", IO},               // system error
		{readOnlyCode, ReadOnly}, // as on a standby
		{"25P03", Timeout},       // idle transaction ended
		{"40", Busy},             // transaction rolled back: deadlock, serialisation
		{"55P03", Busy},          // lock not available
		{"28", Refused},          // authentication
		{"3D", Refused},          // database does not exist
		{"42703", Outdated},      // column does not exist
		{"42P01", Outdated},      // table does not exist
		{"XX001", Damaged},       // data corrupted
		{"XX002", Damaged},       // index corrupted
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
	if errors.Is(err, errLockTaken) {
		return Timeout
	}
	if distrusted(err) {
		return Refused
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

// distrusted reports whether TLS failed because of a certificate, of the server or of this
// program.
func distrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok { // with sslmode=verify-ca
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" // an alert of TLS
}
