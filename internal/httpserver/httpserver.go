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
	MaxHeaderBytes            int                             // request line and headers; 0 for the 1 MiB of net/http
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
	handler := cfg.Handler
	if cfg.MaxHeaderBytes > 0 {
		handler = boundHeaders(handler, cfg.MaxHeaderBytes)
	}
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler:           handler,
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

// boundHeaders refuses requests with more than most bytes of request line and headers, as
// net/http does. That counts what it reads from the connection in blocks: it admits 4 kB
// more, and another 4 kB that arrived before the last answer was finished.
func boundHeaders(next http.Handler, most int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if headerSize(r) <= most {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).EnableFullDuplex() // do not wait for the body; not supported by HTTP/2
		http.Error(w, "431 "+http.StatusText(http.StatusRequestHeaderFieldsTooLarge), http.StatusRequestHeaderFieldsTooLarge)
	})
}

// headerSize returns the bytes of the request line and the headers as they were sent, without
// optional white space. net/http has taken Host, Transfer-Encoding and Trailer out of the headers.
func headerSize(r *http.Request) int {
	const line = len("\r\n")
	size := len(r.Method+" "+r.RequestURI+" "+r.Proto) + line
	field := func(name, value string) { size += len(name) + len(": ") + len(value) + line }
	if r.Host != "" {
		field("Host", r.Host)
	}
	for _, encoding := range r.TransferEncoding {
		field("Transfer-Encoding", encoding)
	}
	for name := range r.Trailer {
		field("Trailer", name)
	}
	for name, values := range r.Header {
		for _, value := range values {
			field(name, value)
		}
	}
	return size + line
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
// itself: a handler with a long stream must watch for the drain, and it does not wait for
// connections that handlers have taken over.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests in flight were cut: %w", err), s.http.Close())
	}
	return nil
}
