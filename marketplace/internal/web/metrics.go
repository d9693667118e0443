package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/trace"

	"bookstall/marketplace/internal/web/page"
)

type metrics struct {
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
	shed     *prometheus.CounterVec
}

// Values of the label by.
const (
	shedByShop            = "shop"
	shedByRecommendations = "recommendations"
)

func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	m := &metrics{
		duration: with.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds",
			Help: "Time to answer a request, by route pattern, method and class of status.",
			// 0.3 is the default deadline of recommendations.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
		inFlight: with.NewGauge(prometheus.GaugeOpts{
			Name: "http_server_requests_in_flight",
			Help: "Requests in progress.",
		}),
		panics: with.NewCounter(prometheus.CounterOpts{
			Name: "http_server_panics_total",
			Help: "Requests that panicked and were answered with 500.",
		}),
		shed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_shed_total",
			Help: "Requests refused because of load (503 with Retry-After), by the service that is overloaded: shop or recommendations.",
		}, []string{"by"}),
	}
	for _, by := range []string{shedByShop, shedByRecommendations} {
		m.shed.WithLabelValues(by)
	}
	return m
}

// countShed counts a request that was refused because of load.
func (m *metrics) countShed(byShop bool) {
	by := shedByRecommendations
	if byShop {
		by = shedByShop
	}
	m.shed.WithLabelValues(by).Inc()
}

// measure counts and times requests. Live shelves have metrics of their own: the
// duration of a stream is no latency.
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
			observer := s.metrics.duration.WithLabelValues(routeOf(r), methodOf(r), strconv.Itoa(rec.sent()/100)+"xx")
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
	known := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace,
	}
	if slices.Contains(known, r.Method) {
		return r.Method
	}
	return "OTHER"
}
