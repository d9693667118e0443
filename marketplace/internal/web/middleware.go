package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"

	"bookstall/internal/telemetry"
)

type middleware func(http.Handler) http.Handler

// chain is all that a request passes on its way to its handler, outermost first.
func (s *shop) chain() []middleware {
	return []middleware{
		s.recovered,  // faults of this chain
		s.identified, // request id and route, which all below name
		s.traced,
		s.measured,
		s.logged,
		s.recovered, // faults of handlers: seen by the trace, the metrics and the log
		secured,
		s.limited,
		s.received,
		s.bounded,
		s.sameOrigin,
		s.authorized,
	}
}

// identified takes over the caller's request id or makes one, and finds the route.
func (s *shop) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(telemetry.RequestIDHeader)
		if !telemetry.ValidRequestID(id) {
			id = telemetry.NewRequestID()
		}
		w.Header().Set(telemetry.RequestIDHeader, id)
		r = r.WithContext(telemetry.WithRequestID(r.Context(), id))
		_, r.Pattern = s.mux.Handler(r) // otelhttp reads it too
		r.Pattern = strings.TrimSuffix(r.Pattern, "{$}")
		next.ServeHTTP(w, r)
	})
}

// routeOf returns the pattern of a request's route without its method, "none"
// when it has no route. Unlike the path, it takes few values.
func routeOf(r *http.Request) string {
	_, path, found := strings.Cut(r.Pattern, " ")
	if !found {
		return "none"
	}
	return strings.TrimSuffix(path, "{$}")
}

// traced makes a span. Its metrics are left out: measured has them.
func (s *shop) traced(next http.Handler) http.Handler {
	return otelhttp.NewHandler(next, "",
		otelhttp.WithTracerProvider(s.TracerProvider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
		otelhttp.WithPropagators(s.Propagator),
		otelhttp.WithFilter(func(r *http.Request) bool { return routeOf(r) != eventsPath && !s.polled(r) }),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return methodOf(r) + " " + routeOf(r) }),
	)
}

// contentSecurityPolicy lets pages have the shop's own style sheet, script,
// pictures and forms, and nothing else: no script or style in the page, no other
// host. The script may ask the shop itself only.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what a page of another site makes a browser send.
func (s *shop) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, errCrossOrigin)
	}))
	return protection.Handler(next)
}

const (
	maxURI  = 4 << 10
	maxBody = 64 << 10
)

// limited refuses long addresses, and cuts bodies off.
func (s *shop) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > maxURI {
			s.fail(w, r, errURITooLong)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// received waits for the body: who sends slowly keeps nobody else out.
func (s *shop) received(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 && r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = io.EOF
			}
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), ended{err}))
		}
		next.ServeHTTP(w, r)
	})
}

// ended is the end of a body, good or bad.
type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }

// authorized asks programs for the token, if one is set, also where there is no route.
func (s *shop) authorized(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(s.APIToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.APIToken != "" && strings.HasPrefix(r.URL.Path+"/", "/api/v1/") {
			scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			got := sha256.Sum256([]byte(token)) // of one length, so that the time says nothing
			if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="bookstall"`)
				s.fail(w, r, errUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
