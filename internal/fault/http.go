package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const maxBody = 64 << 10

// Handler serves /debug/fault on the admin port: GET shows the faults, PUT
// replaces them, DELETE clears them.
func (f *Faults) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/fault", func(w http.ResponseWriter, _ *http.Request) {
		f.show(w, http.StatusOK)
	})
	mux.HandleFunc("DELETE /debug/fault", func(w http.ResponseWriter, _ *http.Request) {
		f.Change(none())
		f.cfg.Log.Info("faults cleared")
		f.show(w, http.StatusOK)
	})
	mux.HandleFunc("PUT /debug/fault", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "reading the body failed", http.StatusBadRequest)
			return
		}
		set, err := parse(body, f.cfg.Health)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if set.Exit != nil {
			f.exit(w, *set.Exit)
			return
		}
		f.Change(set)
		f.cfg.Log.Info("faults set", "faults", set)
		f.show(w, http.StatusOK)
	})
	return mux
}

// exit ends the process. It answers first, so that a drill knows that the fault was
// accepted.
func (f *Faults) exit(w http.ResponseWriter, code int) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprintf(w, "exit with status %d\n", code)
	_ = http.NewResponseController(w).Flush()
	f.cfg.Exit(code)
}

func (f *Faults) show(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f.Current()) // the client has disconnected
}

// Middleware applies the faults to every request to next. An injected error is answered
// with the HTTP status of its code.
func (f *Faults) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.Current().Hang {
			// net/http notices a disconnected client only once the body is read.
			_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody))
		}
		err := f.Apply(r.Context())
		var fault *Error
		switch {
		case err == nil:
			next.ServeHTTP(w, r)
		case errors.As(err, &fault):
			if fault.Code == "RESOURCE_EXHAUSTED" {
				w.Header().Set("Retry-After", "1") // like a server that sheds load
			}
			http.Error(w, fault.Error(), httpStatus(fault.Code))
		default: // the client has disconnected
			panic(http.ErrAbortHandler)
		}
	})
}

func httpStatus(code string) int {
	switch code {
	case "UNAVAILABLE", "RESOURCE_EXHAUSTED":
		return http.StatusServiceUnavailable
	case "DEADLINE_EXCEEDED":
		return http.StatusGatewayTimeout
	case "UNIMPLEMENTED":
		return http.StatusNotImplemented
	default:
		return http.StatusInternalServerError
	}
}
