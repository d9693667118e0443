package discovery

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are the metrics of one resolver and its ejector.
type Metrics struct {
	endpoints    prometheus.Gauge
	ejected      prometheus.Gauge
	lookups      *prometheus.CounterVec
	emptyIgnored prometheus.Counter
	ejections    *prometheus.CounterVec
	readmissions prometheus.Counter

	answered atomic.Int64 // when DNS last returned addresses, Unix nanoseconds; 0 for never
}

// NewMetrics registers the metrics in reg; it panics if they are registered already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	with := promauto.With(reg)
	m := &Metrics{
		endpoints: with.NewGauge(prometheus.GaugeOpts{
			Name: "discovery_endpoints",
			Help: "Addresses that calls are spread over.",
		}),
		ejected: with.NewGauge(prometheus.GaugeOpts{
			Name: "discovery_ejected_endpoints",
			Help: "Addresses that are ejected at present.",
		}),
		lookups: with.NewCounterVec(prometheus.CounterOpts{
			Name: "discovery_lookups_total",
			Help: "DNS lookups by result: ok, empty (the name has no addresses) or error (no answer).",
		}, []string{"result"}),
		emptyIgnored: with.NewCounter(prometheus.CounterOpts{
			Name: "discovery_empty_answers_ignored_total",
			Help: "Empty answers after which the last list stayed in use.",
		}),
		ejections: with.NewCounterVec(prometheus.CounterOpts{
			Name: "discovery_ejections_total",
			Help: "Ejections by reason: errors, timeouts or slow calls in a row.",
		}, []string{"reason"}),
		readmissions: with.NewCounter(prometheus.CounterOpts{
			Name: "discovery_readmissions_total",
			Help: "Readmissions of ejected addresses after a probe succeeded.",
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
		Help: "Time since DNS last returned addresses; -1 before the first.",
	}, func() float64 {
		if age := m.listAge(); age >= 0 {
			return age.Seconds()
		}
		return -1
	})
	return m
}

// listAge returns the time since DNS last returned addresses; negative before the first.
func (m *Metrics) listAge() time.Duration {
	at := m.answered.Load()
	if at == 0 {
		return -1
	}
	return time.Since(time.Unix(0, at))
}
