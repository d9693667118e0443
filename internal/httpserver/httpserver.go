// Package httpserver runs one HTTP server: bind, serve, stop. Its Serve and Stop
// fit a lifecycle.Part.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
)

// Config sets up a Server. Every server has 5 seconds for the headers of a request
// and closes a connection that is idle for 2 minutes.
type Config struct {
	Address string // host:port; port 0 picks a free one
	Handler http.Handler
	// ReadTimeout bounds reading one request, WriteTimeout answering it; 0 for no
	// bound. A handler that streams lifts them with an http.ResponseController.
	ReadTimeout, WriteTimeout time.Duration
	MaxHeaderBytes            int                             // 0 for the 1 MiB of net/http
	Cap                       func(net.Listener) net.Listener // bounds the connections; may be nil
	ConnState                 func(net.Conn, http.ConnState)  // may be nil
	Log                       logr.Logger                     // receives what net/http reports, under the name "http"
}

// Server is an HTTP server with a bound address.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// Listen binds the address, so that an address in use fails the start of the
// program. The caller must call Serve or Close.
func Listen(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Cap != nil {
		listener = cfg.Cap(listener)
	}
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler:           cfg.Handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       cfg.ReadTimeout,
			WriteTimeout:      cfg.WriteTimeout,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    cfg.MaxHeaderBytes,
			ConnState:         cfg.ConnState,
			ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(cfg.Log.WithName("http")), slog.LevelInfo),
		},
	}, nil
}

// Addr returns the bound address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close releases the address if Serve was never called.
func (s *Server) Close() error { return s.listener.Close() }

// Serve answers requests until Stop is called, and then returns nil at once, while
// Stop still drains. It may be called once.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Stop closes the listener and waits for the requests in flight until ctx ends;
// then it cuts their connections and returns an error. It does not end a request by
// itself: a handler with a long stream must watch for the drain.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests in flight were cut: %w", err), s.http.Close())
	}
	return nil
}
