package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	shelves *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{shelves: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "recommendations_shelves_total",
		Help: "Shelves answered, by what they were made from: personal, popular or similar.",
	}, []string{"source"})}
	for _, source := range []string{"personal", "popular", "similar"} {
		m.shelves.WithLabelValues(source)
	}
	return m
}
