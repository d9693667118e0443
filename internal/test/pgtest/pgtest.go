// Package pgtest runs a PostgreSQL for a test. The server stops at the end of the
// test, and also if the test's process is killed.
package pgtest

import (
	"errors"
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
	if errors.Is(err, pgserver.ErrMissing) {
		tb.Skipf("SKIP (counted): %v", err)
	} else if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return &Server{s, tb}
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
