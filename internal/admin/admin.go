// Package admin serves the admin port of both programs, for operators and machines:
// liveness, readiness, metrics, profiles, build information and faults. Readers of
// the shop never reach it.
package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"

	"github.com/go-logr/logr"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"bookstall/internal/httpserver"
	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

// Config sets up the admin port.
type Config struct {
	Address   string       // host:port; port 0 picks a free one
	Pprof     bool         // serve /debug/pprof
	Faults    http.Handler // serves /debug/fault; nil for no such path
	Readiness *lifecycle.Readiness
	Registry  *prometheus.Registry
	Log       logr.Logger
}

// Listen binds the address; the caller must call Serve or Close.
func Listen(cfg Config) (*httpserver.Server, error) {
	h, err := handler(cfg)
	if err != nil {
		return nil, err
	}
	// No bound on answers: a profile takes as long as its caller asks for.
	s, err := httpserver.Listen(httpserver.Config{Address: cfg.Address, Handler: h, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("admin address: %w", err)
	}
	return s, nil
}

func handler(cfg Config) (http.Handler, error) {
	// promhttp's own compression would be half of the CPU time of a scrape. This takes a quarter of
	// the time, for a tenth more bytes.
	compressed, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	// Liveness checks no other process: a restart cures a stuck process, not its neighbour.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready, reason := cfg.Readiness.Ready(); !ready {
			plain(w, http.StatusServiceUnavailable, "not ready: "+reason)
			return
		}
		text := "ok"
		if note := cfg.Readiness.Noted(); note != "" {
			text += ", but " + note
		}
		plain(w, http.StatusOK, text)
	})
	mux.Handle("GET /metrics", compressed(promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{
		EnableOpenMetrics:  true, // the format that carries exemplars
		Registry:           cfg.Registry,
		ErrorLog:           scrapeLog{cfg.Log},
		DisableCompression: true, // see above
	})))
	mux.HandleFunc("GET /buildinfo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(telemetry.BuildInfo()) // the client has disconnected
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
	return mux, nil
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, text) // the client has disconnected
}

// scrapeLog writes promhttp's errors to the log.
type scrapeLog struct{ log logr.Logger }

func (l scrapeLog) Println(v ...any) {
	telemetry.Warn(l.log, "metrics could not be gathered", "error", fmt.Sprint(v...))
}
