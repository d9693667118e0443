package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"bookstall/recommendations/internal/domain"
)

// postgres is a server, shared by all replicas.
type postgres struct {
	config *pgx.ConnConfig
}

const (
	postgresConns   = 8
	connectTimeout  = 2 * time.Second
	postgresChannel = "bookstall"
)

func newPostgres(url string) (dialect, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The error repeats the URL, with what stands for the password hidden only
		// where it could be parsed.
		return nil, errors.New("the postgres URL cannot be parsed; it must be like postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	config.ConnectTimeout = connectTimeout
	// A replica whose machine is gone without a word must not keep the others
	// waiting for the locks it holds.
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
	return migrateTo(held, goose.DialectPostgres, db, "postgres", log)
}

func (d postgres) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// lockWrites leaves the order to the row that nextSeq changes.
func (d postgres) lockWrites(context.Context) (unlock func(), err error) { return func() {}, nil }

func (d postgres) begin(ctx context.Context, write *sql.DB) (*sql.Tx, error) {
	return write.BeginTx(ctx, nil)
}

// lock takes an advisory lock on a connection of its own, with which it goes.
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
		_, _ = conn.WaitForNotification(held) // none comes: this is the end of the connection, or of held
		lost()
	}()
	return held, func() {
		lost()
		<-watched
		closeConn(ctx, conn)
	}, nil
}

// closeConn says goodbye, which a server that is away does not hear.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

// putAll sends thousands of rows a statement: each is a round trip for which all
// other writers wait.
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

// listen connects again and again; between two connections nothing is heard, for
// which there is polling.
func (d postgres) listen(ctx context.Context, changed func()) {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		heard, err := d.listenOnce(ctx, changed)
		if err == nil || heard {
			pause = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(2*pause, 5*time.Second)
		}
	}
}

func (d postgres) listenOnce(ctx context.Context, changed func()) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return false, err
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, "LISTEN "+postgresChannel); err != nil {
		return false, err
	}
	changed() // something may have, before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, err
		}
		changed()
	}
}

// away is what concerns the server and not the statement: no connection, a server
// that starts or stops, or has no room.
func (d postgres) away(err error) bool {
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		for _, class := range []string{
			"08",    // connection
			"53",    // resources
			"57",    // shutdown, or a cancelled statement
			"58",    // system
			"25006", // read only, as a standby is
			"25P03", // the transaction was left alone for too long
			"40",    // the transaction was rolled back
			"28",    // who we are is not accepted just now
			"3D",    // the database is not there
		} {
			if strings.HasPrefix(failed.Code, class) {
				return true
			}
		}
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	// A connection that broke under a statement.
	return pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn)
}
