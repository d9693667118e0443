package recommend

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Values of the labels result and why.
const (
	stored   = "stored"
	repeated = "repeated"
	rejected = "rejected"
	failed   = "failed"

	ended  = "ended"
	broken = "broken"
	left   = "left"
)

type metrics struct {
	fallbacks *prometheus.CounterVec
	writes    *prometheus.CounterVec
	follows   *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	books     prometheus.Gauge
	current   prometheus.Gauge
}

// newMetrics registers the metrics of the client and the feed.
func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	m := &metrics{
		fallbacks: with.NewCounterVec(prometheus.CounterOpts{
			Name: "recommend_fallbacks_total",
			Help: "Shelves that recommendations did not answer, by reason. Readers got bestsellers; API callers too, except for overloaded (503).",
		}, []string{"reason"}),
		writes: with.NewCounterVec(prometheus.CounterOpts{
			Name: "recommend_interactions_total",
			Help: "Interactions sent to recommendations, by kind and result: stored, repeated, rejected or failed.",
		}, []string{"kind", "result"}),
		follows: with.NewCounterVec(prometheus.CounterOpts{
			Name: "recommend_follows_total",
			Help: "Follow streams that ended, by why: ended (by the replica, in order), broken, or left (by the reader).",
		}, []string{"why"}),
		refreshes: with.NewCounterVec(prometheus.CounterOpts{
			Name: "catalog_refreshes_total",
			Help: "Catalogue refreshes, by result: changed, unchanged or error.",
		}, []string{"result"}),
		books: with.NewGauge(prometheus.GaugeOpts{
			Name: "catalog_books",
			Help: "Books in the catalogue.",
		}),
		current: with.NewGauge(prometheus.GaugeOpts{
			Name: "catalog_current",
			Help: "1 if the last attempt to pull the catalogue from recommendations succeeded, else 0.",
		}),
	}
	for _, r := range []string{"timeout", "unavailable", "overloaded", "mismatch", "refused", "broken"} {
		m.fallbacks.WithLabelValues(r)
	}
	for _, kind := range Kinds() {
		for _, result := range []string{stored, repeated, rejected, failed} {
			m.writes.WithLabelValues(string(kind), result)
		}
	}
	for _, why := range []string{ended, broken, left} {
		m.follows.WithLabelValues(why)
	}
	for _, r := range []string{"changed", "unchanged", "error"} {
		m.refreshes.WithLabelValues(r)
	}
	return m
}
