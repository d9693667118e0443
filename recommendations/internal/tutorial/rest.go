package tutorial

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"

	"bookstall/internal/httpserver"
	"bookstall/internal/telemetry"
)

// processNamePath is the REST counterpart of Service1/ProcessName.
const processNamePath = "/api/v1/process-name"

// maxRESTName is the longest name over REST, in bytes: it is part of the URL.
const maxRESTName = 1000

// ListenREST binds the address of a server that answers over plain HTTP/1.1 as
// Service1/ProcessName does over gRPC, so that the two can be compared. It registers
// the server's metrics with tel.
func ListenREST(address string, tel *telemetry.Telemetry) (*httpserver.Server, error) {
	with := promauto.With(tel.Registry)
	connections := with.NewCounter(prometheus.CounterOpts{
		Name: "tutorial_rest_connections_total",
		Help: "Connections accepted by the tutorials' REST example.",
	})
	s := &restServer{
		log: tel.Log,
		requests: with.NewCounterVec(prometheus.CounterOpts{
			Name: "tutorial_rest_requests_total",
			Help: "Requests answered by the tutorials' REST example, by status.",
		}, []string{"status"}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+processNamePath, s.processName)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, "The only resource is GET "+processNamePath+"?name=.")
	})
	server, err := httpserver.Listen(httpserver.Config{
		Address: address,
		Handler: otelhttp.NewHandler(s.logged(mux), "GET "+processNamePath,
			otelhttp.WithTracerProvider(tel.TracerProvider),
			otelhttp.WithMeterProvider(noop.NewMeterProvider()),
			otelhttp.WithPropagators(tel.Propagator),
		),
		ReadTimeout:    15 * time.Second,
		WriteTimeout:   15 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Inc()
			}
		},
		Log: tel.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("tutorial REST address: %w", err)
	}
	return server, nil
}

type restServer struct {
	log      logr.Logger
	requests *prometheus.CounterVec
}

// logged uses the request id of the caller, or a new one, and logs one line per
// request, as the gRPC server does.
func (s *restServer) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, id := time.Now(), r.Header.Get(telemetry.RequestIDHeader)
		if !telemetry.ValidRequestID(id) {
			id = telemetry.NewRequestID()
		}
		w.Header().Set(telemetry.RequestIDHeader, id)
		r = r.WithContext(telemetry.WithRequestID(r.Context(), id))
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		s.requests.WithLabelValues(strconv.Itoa(rec.status)).Inc()
		route := "none"
		if r.URL.Path == processNamePath {
			route = processNamePath
		}
		telemetry.Logger(r.Context(), s.log).Info("request", "route", route, "status", rec.status,
			"durationMillis", float64(time.Since(began).Microseconds())/1000)
	})
}

// statusRecorder records the status of a response.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (rec *statusRecorder) WriteHeader(status int) {
	rec.status = status
	rec.ResponseWriter.WriteHeader(status)
}

func (s *restServer) processName(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	switch {
	case len(name) > maxRESTName:
		s.refuse(w, r, http.StatusBadRequest, fmt.Sprintf("name has %d bytes, want at most %d", len(name), maxRESTName))
	case !utf8.ValidString(name):
		s.refuse(w, r, http.StatusBadRequest, "name is not UTF-8")
	default:
		writeJSON(w, http.StatusOK, "application/json", map[string]string{"name": strings.ToUpper(name)})
	}
}

// refuse answers with a problem document (RFC 9457).
func (s *restServer) refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	writeJSON(w, status, "application/problem+json", map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
		"request_id": telemetry.RequestID(r.Context()),
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil { // impossible: the values are text and numbers
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only when the client has disconnected
}
