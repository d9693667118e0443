package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/trace"

	"bookstall/marketplace/internal/recommend"
)

type metrics struct {
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
	shed     *prometheus.CounterVec
	shelves  *prometheus.CounterVec

	liveStreams prometheus.Gauge
	liveShelves prometheus.Counter
	liveRefused prometheus.Counter
}

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
			Help: "Requests that are being answered.",
		}),
		panics: with.NewCounter(prometheus.CounterOpts{
			Name: "http_server_panics_total",
			Help: "Requests that ended in a panic, which was turned into a 500.",
		}),
		shed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_shed_total",
			Help: "Requests that were told to come back (503 with Retry-After) because there is too much to do, by who has: shop or recommendations.",
		}, []string{"by"}),
		shelves: with.NewCounterVec(prometheus.CounterOpts{
			Name: "web_shelves_total",
			Help: "Shelves shown, by what they were made from: personal, popular, similar or fallback.",
		}, []string{"source"}),
		liveStreams: with.NewGauge(prometheus.GaugeOpts{
			Name: "web_live_streams",
			Help: "Browsers that wait for changes of their shelf.",
		}),
		liveShelves: with.NewCounter(prometheus.CounterOpts{
			Name: "web_live_shelves_total",
			Help: "Shelves sent to browsers that waited for a change.",
		}),
		liveRefused: with.NewCounter(prometheus.CounterOpts{
			Name: "web_live_refused_total",
			Help: "Browsers that could not wait for changes because there were too many.",
		}),
	}
	for _, source := range []recommend.Source{recommend.Personal, recommend.Popular, recommend.Similar, recommend.Fallback} {
		m.shelves.WithLabelValues(string(source))
	}
	for _, by := range []string{shedByShop, shedByRecommendations} {
		m.shed.WithLabelValues(by)
	}
	return m
}

// measured counts and times requests. Streams have metrics of their own: how long
// one lasts is no latency.
func (s *shop) measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routeOf(r) == eventsPath {
			next.ServeHTTP(w, r)
			return
		}
		began, rec := time.Now(), record(w)
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			observer := s.metrics.duration.WithLabelValues(routeOf(r), methodOf(r), strconv.Itoa(rec.sent()/100)+"xx")
			seconds := time.Since(began).Seconds()
			// An exemplar leads from a slow bucket to a trace of it.
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

// methodOf returns the method of a request, "OTHER" for one that we never answer:
// callers can make up as many as they like.
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
