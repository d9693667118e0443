package recommend

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	fallbacks *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	books     prometheus.Gauge
}

// newMetrics registers the metrics of the client and the feed.
func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	m := &metrics{
		fallbacks: with.NewCounterVec(prometheus.CounterOpts{
			Name: "recommend_fallbacks_total",
			Help: "Shelves answered with bestsellers because no good answer came, by reason.",
		}, []string{"reason"}),
		refreshes: with.NewCounterVec(prometheus.CounterOpts{
			Name: "catalog_refreshes_total",
			Help: "Attempts to bring the catalogue up to date, by result: changed, unchanged or error.",
		}, []string{"result"}),
		books: with.NewGauge(prometheus.GaugeOpts{
			Name: "catalog_books",
			Help: "Books of the catalogue that the shop shows.",
		}),
	}
	for _, r := range []string{"timeout", "unavailable", "overloaded", "mismatch", "broken"} {
		m.fallbacks.WithLabelValues(r)
	}
	for _, r := range []string{"changed", "unchanged", "error"} {
		m.refreshes.WithLabelValues(r)
	}
	return m
}
