package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	shelves   *prometheus.CounterVec
	followers prometheus.Gauge
	followed  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	to := promauto.With(reg)
	m := &metrics{
		shelves: to.NewCounterVec(prometheus.CounterOpts{
			Name: "recommendations_shelves_total",
			Help: "Shelves sent, by source: personal, popular or similar.",
		}, []string{"source"}),
		// Separate, as streams stay with a replica and do not show the balance.
		followers: to.NewGauge(prometheus.GaugeOpts{
			Name: "recommendations_followers",
			Help: "Open Follow streams.",
		}),
		followed: to.NewCounter(prometheus.CounterOpts{
			Name: "recommendations_followed_shelves_total",
			Help: "Shelves sent on Follow streams.",
		}),
	}
	for _, source := range []string{"personal", "popular", "similar"} {
		m.shelves.WithLabelValues(source)
	}
	return m
}
