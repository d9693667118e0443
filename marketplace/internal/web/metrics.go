package web

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/limit"
)

type metrics struct {
	duration *prometheus.HistogramVec
	failed   prometheus.Counter
	inFlight prometheus.Gauge
	most     prometheus.Gauge
	panics   prometheus.Counter
	shed     *prometheus.CounterVec
	limited  *prometheus.CounterVec
	misnamed *prometheus.CounterVec
}

// Values of the label by of shed.
const (
	shedByShop            = "shop"
	shedByRecommendations = "recommendations"
)

func newMetrics(reg prometheus.Registerer, native bool) *metrics {
	with := promauto.With(reg)
	m := &metrics{
		duration: with.NewHistogramVec(telemetry.Histogram(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds",
			Help: "Time to answer a request, by route pattern, method and class of status.",
			// 0.3 is the default deadline of recommendations.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2.5, 5, 10},
		}, native), []string{"route", "method", "status"}),
		// Its series begins at 0: the first 5xx of duration begins one, which no rate counts.
		failed: with.NewCounter(prometheus.CounterOpts{
			Name: "http_server_requests_failed_total",
			Help: "Requests that were answered with 5xx.",
		}),
		inFlight: with.NewGauge(prometheus.GaugeOpts{
			Name: "http_server_requests_in_flight",
			Help: "Requests in progress.",
		}),
		most: with.NewGauge(prometheus.GaugeOpts{
			Name: "http_server_requests_limit",
			Help: "Requests that may be in progress, without live shelves (--max-requests); 0 for no limit.",
		}),
		panics: with.NewCounter(prometheus.CounterOpts{
			Name: "http_server_panics_total",
			Help: "Requests that panicked and were answered with 500.",
		}),
		shed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_shed_total",
			Help: "Requests refused because of load (503 with Retry-After), by the service that is overloaded: shop or recommendations.",
		}, []string{"by"}),
		limited: with.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_limited_total",
			Help: "Requests refused because their sender does too much (429 with Retry-After), by how the sender is known (reader, token or address) and by kind: requests, writes, or live shelves at a time (streams).",
		}, []string{"by", "kind"}),
		misnamed: with.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_reader_header_refused_total",
			Help: "Requests refused because of the header that names their reader (--reader-header), by who sent it: a stranger (403), or a proxy, with something that is no reader's id (400).",
		}, []string{"by"}),
	}
	for _, by := range []string{misnamedByStranger, misnamedByProxy} {
		m.misnamed.WithLabelValues(by)
	}
	for _, by := range []string{shedByShop, shedByRecommendations} {
		m.shed.WithLabelValues(by)
	}
	return m
}

// Values of the label by of misnamed.
const (
	misnamedByStranger = "stranger"
	misnamedByProxy    = "proxy"
)

// Values of the label by of limited.
const (
	limitedByReader  = "reader"
	limitedByToken   = "token"
	limitedByAddress = "address"
)

// limitedBy returns the function that counts refusals.
func (m *metrics) limitedBy(by string) func(limit.Kind) {
	for _, kind := range limit.Kinds() {
		m.limited.WithLabelValues(by, string(kind))
	}
	return func(kind limit.Kind) { m.limited.WithLabelValues(by, string(kind)).Inc() }
}
