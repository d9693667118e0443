package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// server makes connections to a PostgreSQL, or to a pooler in front of it.
//
// A pooler in transaction mode, such as PgBouncer, gives each transaction any of its
// connections to the server. What belongs to a session is lost or left to somebody else:
// settings, prepared statements, advisory locks, LISTEN. So there is none of it behind a
// pooler, and no start-up parameter, which PgBouncer refuses, anywhere.
type server struct {
	text   string                 // the URL
	reread func() (string, error) // returns the URL again; nil if it cannot have changed
	config *pgx.ConnConfig        // of text when the store was opened
	log    logr.Logger

	pooled   atomic.Bool  // a connection led to a pooler
	standbys atomic.Int64 // times that a server turned out to take no writes any more

	mu       sync.Mutex
	last     *pgx.ConnConfig // that could be used
	reported string          // why it is used instead of the present one
}

const connectTimeout = 2 * time.Second

// A transaction whose replica has disappeared with its host ends after this time, and with it
// its locks.
const (
	idleInTransaction = "idle_in_transaction_session_timeout"
	abandonedAfter    = "10s"
)

func newServer(text string, o Options) (*server, error) {
	config, err := parsePostgres(text)
	if err != nil {
		return nil, err
	}
	return &server{text: text, reread: o.Reread, config: config, last: config, log: o.Log}, nil
}

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

// parsePostgres also reads the files that the URL and the environment name: the password
// file, the CA, the client's certificate and key.
func parsePostgres(text string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(text)
	if failed, ok := errors.AsType[*pgconn.ParseConfigError](err); ok && failed.Unwrap() != nil && strings.Contains(err.Error(), "failed to configure TLS") {
		return nil, fmt.Errorf("TLS of the postgres URL: %w", failed.Unwrap())
	}
	if err != nil {
		// Not the error itself: it repeats the URL, and hides the password only if the
		// URL could be parsed.
		return nil, fmt.Errorf("the postgres URL cannot be parsed%s; %s", obstacle(text), wantPostgres)
	}
	u, err := url.Parse(text) // it knows no lists of hosts
	// pgx would take what follows the first of two @ for the host, and name it in errors.
	_, authority, _ := strings.Cut(text, "://")
	authority, _, _ = strings.Cut(authority, "/")
	if strings.ContainsAny(text, "# \t\r\n") || strings.Count(authority, "@") > 1 || err == nil && (strings.Contains(u.EscapedPath(), "@") || u.User == nil && strings.Contains(u.RawQuery, "@")) {
		return nil, fmt.Errorf("the postgres URL is ambiguous%s; %s", obstacle(text), wantPostgres)
	}
	config.ConnectTimeout = connectTimeout
	return config, nil
}

// fresh returns the configuration of the next connection, with the credentials of now: a
// password, a certificate or the whole URL may have been replaced in its file. If that cannot
// be used, the last one goes on.
func (s *server) fresh() *pgx.ConnConfig {
	next, err := s.read()
	s.mu.Lock()
	if err == nil {
		s.last, s.reported = next, ""
	} else if s.reported != err.Error() {
		s.log.Error(err, "the store's new URL cannot be used: connecting with the last one")
		s.reported = err.Error()
	}
	config := s.last.Copy()
	s.mu.Unlock()
	config.OnPgError = func(_ *pgconn.PgConn, err *pgconn.PgError) (keep bool) {
		if err.Code == readOnlyCode {
			s.standbys.Add(1)
			return false
		}
		return !strings.EqualFold(err.Severity, "FATAL")
	}
	if s.pooled.Load() && s.choosesMode() {
		config.DefaultQueryExecMode = unnamed
	}
	return config
}

func (s *server) read() (*pgx.ConnConfig, error) {
	text := s.text
	if s.reread != nil {
		var err error
		if text, err = s.reread(); err != nil {
			return nil, err
		}
	}
	config, err := parsePostgres(text)
	if err == nil && !slices.Equal(place(config), place(s.config)) {
		// Connections to both would be open at a time.
		err = errors.New("it names another server or database: restart to use that")
	}
	return config, err
}

// place returns the database and the servers of a configuration.
func place(c *pgx.ConnConfig) []string {
	list := []string{c.Database, fmt.Sprintf("%s:%d", c.Host, c.Port)}
	for _, other := range c.Fallbacks { // each server twice with some values of sslmode
		if next := fmt.Sprintf("%s:%d", other.Host, other.Port); next != list[len(list)-1] {
			list = append(list, next)
		}
	}
	return list
}

// choosesMode reports whether the URL leaves it to this program how statements are sent.
func (s *server) choosesMode() bool { return !strings.Contains(s.text, "default_query_exec_mode=") }

// errPooled: the connection leads to a pooler, and was made for a server.
var errPooled = errors.New("there is a pooler")

// greet prepares a new connection, and closes it on an error. It finds out whether there is
// a pooler, which has numbers of its own for the server's processes. A session without a
// pooler gets settings that end it soon after its replica has disappeared with its host.
//
// Error: errPooled if the connection must be made again.
func (s *server) greet(ctx context.Context, conn *pgx.Conn) (err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			closeConn(ctx, conn)
		}
	}()
	conn.PgConn().CustomData()[madeAfter] = s.standbys.Load()
	if !s.pooled.Load() {
		var pid uint32
		if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid); err != nil {
			return err
		}
		if pid == conn.PgConn().PID() {
			_, err := conn.Exec(ctx, s.sessionSettings())
			return err
		}
		if !s.pooled.Swap(true) {
			s.log.Info("PostgreSQL is behind a pooler: statements are not prepared, and changes are polled")
		}
	}
	if s.choosesMode() && conn.Config().DefaultQueryExecMode != unnamed {
		return errPooled
	}
	return nil
}

// madeAfter is the key of the number of standbys when a connection was made.
const madeAfter = "made after"

// current ends a connection from before a server became a standby: it may lead to that, and
// the next one looks for the primary.
func (s *server) current(_ context.Context, conn *pgx.Conn) error {
	if conn.PgConn().CustomData()[madeAfter] != s.standbys.Load() {
		return driver.ErrBadConn
	}
	return nil
}

// unnamed describes statements and leaves none behind.
const unnamed = pgx.QueryExecModeCacheDescribe

// sessionSettings returns the statements that end a session soon after its replica has
// disappeared, for what the URL does not set itself.
func (s *server) sessionSettings() string {
	var b strings.Builder
	for _, setting := range []struct{ name, value string }{
		{idleInTransaction, abandonedAfter}, {"tcp_keepalives_idle", "10"}, {"tcp_keepalives_interval", "5"}, {"tcp_keepalives_count", "3"},
	} {
		if !s.sets(setting.name) {
			fmt.Fprintf(&b, "SET %s = '%s';", setting.name, setting.value)
		}
	}
	return b.String()
}

// sets reports whether the URL has a setting.
func (s *server) sets(name string) bool { return s.config.RuntimeParams[name] != "" }

// connector makes the connections of a pool.
type connector struct {
	driver.Connector
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if errors.Is(err, errPooled) {
		conn, err = c.Connector.Connect(ctx)
	}
	return conn, err
}

func (s *server) pool() *sql.DB {
	return sql.OpenDB(connector{stdlib.GetConnector(*s.config,
		stdlib.OptionBeforeConnect(func(_ context.Context, config *pgx.ConnConfig) error {
			*config = *s.fresh()
			return nil
		}),
		stdlib.OptionAfterConnect(s.greet),
		stdlib.OptionResetSession(s.current),
	)})
}

// session returns a connection that is a session of the server.
//
// Error: errPooled if there is a pooler.
func (s *server) session(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.fresh())
	if err != nil {
		return nil, err
	}
	if err := s.greet(ctx, conn); err != nil {
		return nil, err
	}
	if s.pooled.Load() {
		closeConn(ctx, conn)
		return nil, errPooled
	}
	return conn, nil
}

// begin starts a transaction.
func (s *server) begin(ctx context.Context, db *sql.DB, o *sql.TxOptions) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, o)
	if err != nil || !s.pooled.Load() || s.sets(idleInTransaction) {
		return tx, err
	}
	if _, err := tx.ExecContext(ctx, "SET LOCAL "+idleInTransaction+" = '"+abandonedAfter+"'"); err != nil {
		_ = tx.Rollback() // err says why
		return nil, err
	}
	return tx, nil
}

// closeConn closes a connection, within a limit in case the server does not answer.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}
