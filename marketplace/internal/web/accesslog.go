package web

import (
	"net/http"
	"strings"
	"time"

	"bookstall/internal/telemetry"
)

const maxLoggedPath = 256

// logAccess writes one line per request, without the search text and the reader.
// Polled addresses are logged for developers only: they would drown the rest.
func (s *shop) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, rec := time.Now(), recorded(w)
		defer func() {
			path := r.URL.Path
			if len(path) > maxLoggedPath {
				path = path[:maxLoggedPath] + "…"
			}
			log := telemetry.Logger(r.Context(), s.Log)
			if s.polled(r) {
				log = log.V(1)
			}
			log.Info("request",
				"method", methodOf(r), "path", strings.ToValidUTF8(path, "\uFFFD"), "route", routeOf(r),
				"status", rec.sent(), "bytes", rec.bytes,
				"durationMillis", float64(time.Since(began).Microseconds())/1000)
		}()
		next.ServeHTTP(rec, r)
	})
}
