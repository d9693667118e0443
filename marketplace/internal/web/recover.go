package web

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"bookstall/internal/telemetry"
)

// recovered turns a panic into an answer like that of any other fault.
func (s *shop) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := record(w)
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p) // net/http knows what to do
			}
			s.metrics.panics.Inc()
			telemetry.Logger(r.Context(), s.Log).Error(fmt.Errorf("panic: %v", p), "request panicked",
				"route", routeOf(r), "stack", string(debug.Stack()))
			if rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: cut it, so that nobody takes it for a whole one
			}
			s.fail(rec, r, errPanicked)
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int // 0 before anything is out
	bytes  int64
}

// record returns w itself when it is a recorder already.
func record(w http.ResponseWriter) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w}
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// sent returns the status that the client sees.
func (rec *recorder) sent() int {
	if rec.status == 0 {
		return http.StatusOK // what net/http sends for an answer without a head
	}
	return rec.status
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
