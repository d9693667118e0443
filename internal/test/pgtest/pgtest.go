// Package pgtest starts a real PostgreSQL for tests, which ends with the test, or
// with the process of the test, however that ends.
//
// It is for tests; no program must import it, and it must not import anything of
// this project but internal/lab/pgserver.
package pgtest

import (
	"errors"
	"testing"

	"bookstall/internal/lab/pgserver"
)

// Server is a PostgreSQL whose failures are those of the test.
type Server struct {
	*pgserver.Server

	t testing.TB
}

// Start starts a server, which is stopped at the end of the test. Where there is
// no PostgreSQL, the test is skipped.
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

// Run starts the server after Stop or Kill and waits until it takes connections.
func (s *Server) Run() {
	s.t.Helper()
	if err := s.Server.Run(); err != nil {
		s.t.Fatal(err)
	}
}

// Restart ends the server as a crash does and starts it again.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.Run()
}

// NewDatabase makes an empty database and returns its URL.
func (s *Server) NewDatabase() string {
	s.t.Helper()
	url, err := s.Server.NewDatabase()
	if err != nil {
		s.t.Fatal(err)
	}
	return url
}
