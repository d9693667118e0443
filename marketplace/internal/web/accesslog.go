package web

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/go-logr/logr"

	"bookstall/internal/telemetry"
)

const maxLogged = 256 // bytes of a text that a client chose

// logAccess writes one line per request, without the search text and the reader, but with
// the name of an API token.
// Polled addresses are logged for developers only: they would drown the rest.
func (s *shop) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, rec := time.Now(), recorded(w)
		defer func() {
			line := accessLine{
				log: s.Log, token: rec.token, method: methodOf(r), path: printable(r.URL.Path), route: routeOf(r),
				status: rec.sent(), began: began,
			}
			if s.polled(r) {
				line.log = line.log.V(1)
			}
			if r.Method == http.MethodHead {
				rec.bytes = 0 // net/http sends nothing of what was written
			}
			if rec.rest == nil {
				line.write(r.Context(), rec.bytes)
				return
			}
			rec.rest.logAtEnd(line, rec.bytes)
		}()
		next.ServeHTTP(rec, r)
	})
}

// accessLine is what the log says of a request, without its length and duration.
type accessLine struct {
	log                        logr.Logger
	token, method, path, route string // token may be ""
	status                     int
	began                      time.Time
}

func (l *accessLine) write(ctx context.Context, bytes int64) {
	values := []any{
		"token", l.token, "method", l.method, "path", l.path, "route", l.route,
		"status", l.status, "bytes", bytes, "durationMillis", float64(time.Since(l.began).Microseconds()) / 1000,
	}
	if l.token == "" {
		values = values[2:]
	}
	l.log.Info("request", telemetry.LogValues(ctx, values...)...)
}

// printable cuts a long text and replaces what a terminal would not print as it is: invalid
// UTF-8, control characters, and those that turn the direction of text, which could hide a
// part of it.
func printable(text string) string {
	if len(text) > maxLogged {
		text = text[:maxLogged] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
