package discovery

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are the numbers of one resolver.
type Metrics struct {
	endpoints    prometheus.Gauge
	ejected      prometheus.Gauge
	lookups      *prometheus.CounterVec
	emptyIgnored prometheus.Counter
	ejections    *prometheus.CounterVec
	readmissions prometheus.Counter

	answered atomic.Int64 // when DNS last gave a list, Unix nanoseconds; 0 for never
}

// NewMetrics registers the metrics of one resolver.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	with := promauto.With(reg)
	m := &Metrics{
		endpoints: with.NewGauge(prometheus.GaugeOpts{
			Name: "discovery_endpoints",
			Help: "Addresses that calls are spread over.",
		}),
		ejected: with.NewGauge(prometheus.GaugeOpts{
			Name: "discovery_ejected_endpoints",
			Help: "Addresses that get no calls at present because those went badly in a row.",
		}),
		lookups: with.NewCounterVec(prometheus.CounterOpts{
			Name: "discovery_lookups_total",
			Help: "DNS lookups by result: ok, empty (the name has no addresses) or error (no answer).",
		}, []string{"result"}),
		emptyIgnored: with.NewCounter(prometheus.CounterOpts{
			Name: "discovery_empty_answers_ignored_total",
			Help: "Empty answers that left the last good list in place.",
		}),
		ejections: with.NewCounterVec(prometheus.CounterOpts{
			Name: "discovery_ejections_total",
			Help: "Addresses that were ejected, by reason: errors, timeouts or slow calls in a row.",
		}, []string{"reason"}),
		readmissions: with.NewCounter(prometheus.CounterOpts{
			Name: "discovery_readmissions_total",
			Help: "Ejected addresses put back because a probe went well.",
		}),
	}
	for _, result := range []string{"ok", "empty", "error"} {
		m.lookups.WithLabelValues(result)
	}
	for _, reason := range []string{ReasonErrors, ReasonTimeouts, ReasonSlow} {
		m.ejections.WithLabelValues(reason)
	}
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "discovery_list_age_seconds",
		Help: "Time since DNS last gave addresses; -1 before the first answer.",
	}, func() float64 {
		if age := m.listAge(); age >= 0 {
			return age.Seconds()
		}
		return -1
	})
	return m
}

// listAge is the time since DNS last gave a list; negative before the first.
func (m *Metrics) listAge() time.Duration {
	at := m.answered.Load()
	if at == 0 {
		return -1
	}
	return time.Since(time.Unix(0, at))
}
