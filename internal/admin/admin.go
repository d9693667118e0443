// Package admin is the second port of both programs, for operators and machines:
// liveness, readiness, metrics, profiles and build information. Readers never
// reach it.
//
// It must not import gRPC, or any domain package.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

// Config sets up a Server.
type Config struct {
	Address   string       // host:port; port 0 takes a free one
	Pprof     bool         // serve /debug/pprof
	Faults    http.Handler // serves /debug/fault; nil for no such path
	Readiness *lifecycle.Readiness
	Registry  *prometheus.Registry
	Log       logr.Logger
}

// Server serves the admin port.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// Listen binds the port, so that a taken one is known before anything starts.
func Listen(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("admin address: %w", err)
	}
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler:           handler(cfg),
			ReadHeaderTimeout: 5 * time.Second,
			IdleTimeout:       2 * time.Minute,
		},
	}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives the port back when Serve is never reached.
func (s *Server) Close() error { return s.listener.Close() }

// Serve answers until Stop.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Stop lets answers in progress finish until ctx ends, then cuts them.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

func handler(cfg Config) http.Handler {
	mux := http.NewServeMux()
	// Liveness asks nobody: a restart cures a stuck process, not a neighbour.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready, reason := cfg.Readiness.Ready(); !ready {
			plain(w, http.StatusServiceUnavailable, "not ready: "+reason)
			return
		}
		plain(w, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, // the format that carries exemplars
		Registry:          cfg.Registry,
		ErrorLog:          scrapeLog{cfg.Log},
	}))
	mux.HandleFunc("GET /buildinfo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(telemetry.BuildInfo()) // the client is gone; nobody to tell
	})
	if cfg.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	if cfg.Faults != nil {
		mux.Handle("/debug/fault", cfg.Faults)
	}
	return mux
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, text) // the client is gone; nobody to tell
}

// scrapeLog writes what promhttp complains of to the log.
type scrapeLog struct{ log logr.Logger }

func (l scrapeLog) Println(v ...any) {
	l.log.Info("metrics could not be gathered", "error", fmt.Sprint(v...))
}
