// Package pgtest runs a PostgreSQL for a test. The server stops at the end of the
// test, and also if the test's process is killed.
package pgtest

import (
	"errors"
	"strings"
	"testing"

	"bookstall/internal/lab/pgserver"
)

// Server is a PostgreSQL server. Its methods end the test if they fail.
type Server struct {
	*pgserver.Server

	t testing.TB
}

// Start starts a server that stops at the end of the test. The test is skipped if
// PostgreSQL is not installed.
func Start(tb testing.TB) *Server {
	tb.Helper()
	if testing.Short() {
		tb.Skip("SKIP (-short): starts a PostgreSQL")
	}
	s, err := pgserver.Start()
	check(tb, err)
	tb.Cleanup(s.Close)
	return &Server{s, tb}
}

// check ends the test for an error, and skips it if a program is not installed.
func check(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, pgserver.ErrMissing) {
		tb.Skipf("SKIP (counted): %v", err)
	} else if err != nil {
		tb.Fatal(err)
	}
}

// Pooler starts a PgBouncer with pools of size connections.
func (s *Server) Pooler(size int) *pgserver.Pooler {
	s.t.Helper()
	p, err := s.Server.Pooler(size)
	check(s.t, err)
	return p
}

// Standby starts a standby that every commit waits for.
func (s *Server) Standby() *Server {
	s.t.Helper()
	standby, err := s.Server.Standby()
	check(s.t, err)
	s.t.Cleanup(standby.Close)
	return &Server{standby, s.t}
}

// Promote makes a standby a server of its own.
func (s *Server) Promote() {
	s.t.Helper()
	check(s.t, s.Server.Promote())
}

// Exec executes statements as the superuser.
func (s *Server) Exec(statements ...string) {
	s.t.Helper()
	for _, statement := range statements {
		check(s.t, s.Server.Exec(statement))
	}
}

// DatabaseOf creates an empty database that belongs to a role and returns its name.
func (s *Server) DatabaseOf(role string) string {
	s.t.Helper()
	_, rest, _ := strings.Cut(s.NewDatabase(), s.Host()+"/")
	name, _, _ := strings.Cut(rest, "?")
	s.Exec("ALTER DATABASE " + name + " OWNER TO " + role)
	return name
}

// Disconnect ends the connections of a role.
func (s *Server) Disconnect(role string) {
	s.t.Helper()
	s.Exec("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '" + role + "'")
}

// Admit makes these lines of pg_hba.conf come before those that admit everybody on this host.
func (s *Server) Admit(lines string) {
	s.t.Helper()
	s.Put("pg_hba.conf", lines+"\nhost all postgres 127.0.0.1/32 trust\nhost replication postgres 127.0.0.1/32 trust\n")
	s.Exec("SELECT pg_reload_conf()")
}

// Put writes a file into the folder of the cluster and returns its name.
func (s *Server) Put(name, content string) string {
	s.t.Helper()
	path, err := s.Server.Put(name, []byte(content))
	check(s.t, err)
	return path
}

// Run starts the server after Stop or Kill and waits until it accepts connections.
func (s *Server) Run() {
	s.t.Helper()
	if err := s.Server.Run(); err != nil {
		s.t.Fatal(err)
	}
}

// Restart kills the server, as in a crash, and starts it again.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.Run()
}

// NewDatabase creates an empty database and returns its URL.
func (s *Server) NewDatabase() string {
	s.t.Helper()
	url, err := s.Server.NewDatabase()
	if err != nil {
		s.t.Fatal(err)
	}
	return url
}

// CopyOf returns the URL of a copy of a database, as it would be restored from a backup.
func (s *Server) CopyOf(url string) string {
	s.t.Helper()
	copied, err := s.Server.CopyOf(url)
	if err != nil {
		s.t.Fatal(err)
	}
	return copied
}
