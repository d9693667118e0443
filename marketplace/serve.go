package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/lifecycle"
)

// server is the shop's own port.
type server struct {
	http     *http.Server
	listener net.Listener
}

func listen(address string, handler http.Handler, log logr.Logger) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("HTTP address: %w", err)
	}
	return &server{
		listener: listener,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       15 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(log.WithName("http")), slog.LevelInfo),
		},
	}, nil
}

func (s *server) addr() string { return s.listener.Addr().String() }

func (s *server) serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stop lets answers in progress finish until ctx ends, then cuts them.
func (s *server) stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still in flight were cut: %w", err), s.http.Close())
	}
	return nil
}

// closeWhileDraining asks clients with each answer to connect anew, which brings
// them to another replica. Closing idle connections instead, as Shutdown does,
// can cross a request on its way.
func closeWhileDraining(next http.Handler, ready *lifecycle.Readiness) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ready.Draining() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
