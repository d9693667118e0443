package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

type middleware func(http.Handler) http.Handler

// middleware returns the middleware chain, outermost first.
func (s *shop) middleware() []middleware {
	return []middleware{
		s.recoverPanics, // panics of this middleware
		s.arrive,
		assignRequestID,
		s.findRoute,
		s.runRest,
		boundAnswers,
		s.trace,
		s.measure,
		s.logAccess,
		s.recoverPanics, // panics of handlers: traced, measured and logged
		s.setSecurityHeaders,
		s.limitAddress,
		s.limitSize,
		s.refuseOtherHosts,
		s.refuseCrossOrigin,
		s.signIn,
		s.admitToAPI,
		s.readFiles,
		s.readBody,
		s.limitConcurrency,
		s.compress, // within the slot
	}
}

// recoverPanics answers a panic like any other error.
func (s *shop) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recorded(w)
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p) // net/http handles it
			}
			s.panicked(r.Context(), routeOf(r), p)
			if rec.status != 0 {
				panic(http.ErrAbortHandler) // cut the connection: half a response must not look whole
			}
			s.fail(rec, r, errPanicked)
		}()
		next.ServeHTTP(rec, r)
	})
}

// panicked counts and logs a panic.
func (s *shop) panicked(ctx context.Context, route string, p any) {
	s.metrics.panics.Inc()
	telemetry.Logger(ctx, s.Log).Error(fmt.Errorf("panic: %v", p), "request panicked", "route", route, "stack", telemetry.StackOf(p))
}

// assignRequestID keeps the caller's request id if it is valid, and makes one otherwise.
func assignRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(telemetry.RequestIDHeader)
		if !telemetry.ValidRequestID(id) {
			id = telemetry.NewRequestID()
		}
		w.Header().Set(telemetry.RequestIDHeader, id)
		setContext(telemetry.WithRequestID(r.Context(), id), r)
		next.ServeHTTP(w, r)
	})
}

// setContext changes the context of a request that arrive has copied already. WithContext alone
// would copy it once more.
func setContext(ctx context.Context, r *http.Request) { *r = *r.WithContext(ctx) }

// findRoute sets r.Pattern, which routeOf and otelhttp read.
func (s *shop) findRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, r.Pattern = s.mux.Handler(r)
		r.Pattern = strings.TrimSuffix(r.Pattern, "{$}")
		next.ServeHTTP(w, r)
	})
}

// routeOf returns the pattern of a request's route without the method, "none" without
// a route. Unlike paths, routes are few enough for labels.
func routeOf(r *http.Request) string {
	_, path, found := strings.Cut(r.Pattern, " ")
	if !found {
		return "none"
	}
	return strings.TrimSuffix(path, "{$}")
}

// trace makes a span. otelhttp's metrics are off: measure has them. While no spans are exported,
// it passes on the trace of the caller alone: otelhttp collects attributes all the same.
func (s *shop) trace(next http.Handler) http.Handler {
	traced := func(r *http.Request) bool { return routeOf(r) != page.EventsPath && !s.polled(r) }
	if !telemetry.Exports(s.TracerProvider) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if traced(r) {
				setContext(s.Propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), r)
			}
			next.ServeHTTP(w, r)
		})
	}
	tagged := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.TagSpan(r.Context())
		next.ServeHTTP(w, r)
	})
	return otelhttp.NewHandler(tagged, "",
		otelhttp.WithTracerProvider(s.TracerProvider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
		otelhttp.WithPropagators(s.Propagator),
		otelhttp.WithFilter(traced),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return methodOf(r) + " " + routeOf(r) }),
	)
}

// measure counts and times requests. Live shelves have metrics of their own: the
// duration of a stream is not a latency.
func (s *shop) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routeOf(r) == page.EventsPath {
			next.ServeHTTP(w, r)
			return
		}
		began, rec := time.Now(), recorded(w)
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			class := classOf(rec.sent())
			if class == "5xx" {
				s.metrics.failed.Inc()
			}
			observer := s.metrics.duration.WithLabelValues(routeOf(r), methodOf(r), class)
			seconds := time.Since(began).Seconds()
			// An exemplar leads from a slow bucket to a trace.
			span := trace.SpanContextFromContext(r.Context())
			if exemplars, ok := observer.(prometheus.ExemplarObserver); ok && span.IsSampled() {
				exemplars.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": span.TraceID().String()})
				return
			}
			observer.Observe(seconds)
		}()
		next.ServeHTTP(rec, r)
	})
}

// methodOf returns the method of a request, "OTHER" for one that the shop never
// answers, so that callers cannot make up label values.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return r.Method
	}
	return "OTHER"
}

// classOf returns the class of a status, such as 2xx.
func classOf(status int) string {
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	return strconv.Itoa(status/100) + "xx"
}

// contentSecurityPolicy allows the shop's own style sheet, script, pictures and forms,
// and requests of the script to the shop. Inline script and style and other hosts are
// not allowed.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// permissionsPolicy denies what a shop has no use for, also to a script that should not be
// there.
const permissionsPolicy = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

func (s *shop) setSecurityHeaders(next http.Handler) http.Handler {
	same := http.Header{ // made once: Set would make each value anew
		"Content-Security-Policy":    {contentSecurityPolicy},
		"Cross-Origin-Opener-Policy": {"same-origin"},
		"Permissions-Policy":         {permissionsPolicy},
		"Referrer-Policy":            {"same-origin"},
		"X-Content-Type-Options":     {"nosniff"},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		maps.Copy(h, same)
		if hsts := s.Edge.StrictTransportSecurity(r); hsts != "" {
			h.Set("Strict-Transport-Security", hsts)
		}
		next.ServeHTTP(w, r)
	})
}

// limitAddress refuses requests of an address that makes too many, if it is that of a
// reader, and not of something that all readers come by. Static files cost less than a
// refusal.
func (s *shop) limitAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source, ok := edge.ArrivalOf(r.Context()).Source()
		route := routeOf(r)
		if !ok || route == page.StaticPath {
			next.ServeHTTP(w, r)
			return
		}
		err := s.sources.Request(source)
		if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			err = s.sources.Write(source)
		}
		var leave func()
		if err == nil && route == page.EventsPath {
			leave, err = s.sources.Stream(source)
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if leave != nil {
			defer recorded(w).atEnd(leave)
		}
		next.ServeHTTP(w, r)
	})
}

const maxBody = 8 << 10 // bytes

// limitSize refuses long addresses and bodies that say that they are too long, and makes
// reading fail after what the route takes.
func (s *shop) limitSize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > request.MaxURI {
			s.refuse(w, r, problem.ErrURITooLong)
			return
		}
		most := maxBodyOf(routeOf(r))
		if r.ContentLength > most {
			s.refuse(w, r, &http.MaxBytesError{Limit: most})
			return
		}
		if r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, most)
		}
		next.ServeHTTP(w, r)
	})
}

// refuse fails a request whose body has not been read, without waiting for it.
func (s *shop) refuse(w http.ResponseWriter, r *http.Request, err error) {
	dropBody(w, r)
	s.fail(w, r, err)
}

// dropBody has the answer sent before the body has arrived, and the connection closed
// then. net/http would read the body first.
func dropBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).EnableFullDuplex() // not supported by a test's recorder
	}
}

// boundAnswers bounds what is in memory for clients that read slowly. Live shelves have a
// limit of their own.
func boundAnswers(next http.Handler) http.Handler {
	answers := newFlows(maxAnswers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routeOf(r) != page.EventsPath {
			rec := recorded(w)
			rec.answers, w = answers, rec
		}
		next.ServeHTTP(w, r)
	})
}

// readBody reads the whole body before the request counts towards the concurrency
// limit, so that slow senders take no capacity, and only where a route takes one. What
// they may send is bounded in all. Handlers get the content and the error, except of a
// body that does not come in time, which is refused with little effort.
func (s *shop) readBody(next http.Handler) http.Handler {
	bodies := newFlows(maxBodies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ContentLength == 0 || r.Body == nil || maxBodyOf(routeOf(r)) > maxBody: // see readFiles
		case r.Method == http.MethodGet || r.Method == http.MethodHead || routeOf(r) == "none":
			dropBody(w, r)
		default:
			content, err := bodies.read(w, r.Body, maxBody)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				s.failBriefly(w, r, problem.ErrNoBody)
				return
			}
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(content), failingReader{err}))
		}
		next.ServeHTTP(w, r)
	})
}

// failingReader fails with err, or is empty if that is nil.
type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }

// limitConcurrency handles at most MaxRequests at a time and refuses all others at
// once, which costs little, so that admitted requests meet their deadline. A request
// gives its slot back when its answer is ready, before it is written, so that slow readers
// take no capacity.
func (s *shop) limitConcurrency(next http.Handler) http.Handler {
	if s.MaxRequests == 0 {
		return next
	}
	slots := make(chan struct{}, s.MaxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Streams have a limit of their own. Static files cost no more than a refusal, and
		// its page needs them. Polled addresses are needed most when the shop is busy.
		if route := routeOf(r); route == page.EventsPath || route == page.StaticPath || s.polled(r) {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case slots <- struct{}{}:
			rec := recorded(w)
			rec.slots = slots
			defer rec.leaveSlot()
			next.ServeHTTP(rec, r)
		default:
			s.fail(w, r, problem.ErrBusy)
		}
	})
}
