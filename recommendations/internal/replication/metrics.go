package replication

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/store"
)

type metrics struct {
	writes   *prometheus.CounterVec
	catchUps *prometheus.CounterVec
	refused  prometheus.Counter
	cuts     prometheus.Counter
	errors   *prometheus.CounterVec
	model    *prometheus.GaugeVec
	created  prometheus.Gauge
	quality  *prometheus.GaugeVec
	store    *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, r *Replicator) *metrics {
	to := promauto.With(reg)
	m := &metrics{
		writes: to.NewCounterVec(prometheus.CounterOpts{
			Name: "recommendations_interactions_total",
			Help: "Interactions to store, by outcome: stored, repeated, conflict, forgotten (of a reader forgotten since) or failed.",
		}, []string{"outcome"}),
		catchUps: to.NewCounterVec(prometheus.CounterOpts{
			Name: "recommendations_catch_ups_total",
			Help: "Readers read from the store because a shelf had to reflect a write that was not in memory yet, by outcome: read or failed.",
		}, []string{"outcome"}),
		refused: to.NewCounter(prometheus.CounterOpts{
			Name: "recommendations_models_refused_total",
			Help: "Active models that were refused: damaged, of an unknown format, or of another catalogue.",
		}),
		errors: to.NewCounterVec(prometheus.CounterOpts{
			Name: "recommendations_store_errors_total",
			Help: "Calls of the store that failed because it could not be used, by cause: full (no space left), exhausted, damaged, moved, outdated, read_only, busy, timeout, refused, io or unreachable.",
		}, []string{"cause"}),
		cuts: to.NewCounter(prometheus.CounterOpts{
			Name: "recommendations_store_cuts_total",
			Help: "Times that everything was loaded again because the store had lost commits that were in memory: it was restored from a backup, or is a standby that was behind.",
		}),
		model: to.NewGaugeVec(prometheus.GaugeOpts{
			Name: "recommendations_model_info",
			Help: "1 for the model in use.",
		}, []string{"model"}),
		created: to.NewGauge(prometheus.GaugeOpts{
			Name: "recommendations_model_created_timestamp_seconds",
			Help: "Unix time at which the model in use was trained; 0 without a model.",
		}),
		quality: to.NewGaugeVec(prometheus.GaugeOpts{
			Name: "recommendations_model_quality_ratio",
			Help: "How good the model in use is on held-out readers, by measure: ndcg@100, recall@20, recall@50 or coverage@20. Absent if nobody measured.",
		}, []string{"measure"}),
		store: to.NewHistogramVec(telemetry.Histogram(prometheus.HistogramOpts{
			Name: "recommendations_store_duration_seconds",
			Help: "Time of calls of the store, whether they fail or not, by operation: head (is there something new?), catalog, histories (what is new), history (of one reader), record, forget or reader_id.",
			// 1.5 is when a write gives up.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 5, 10},
		}, r.NativeHistograms), []string{"operation"}),
	}
	for _, outcome := range []string{"stored", "repeated", "conflict", "forgotten", "failed"} {
		m.writes.WithLabelValues(outcome)
	}
	for _, cause := range store.Causes() {
		m.errors.WithLabelValues(string(cause))
	}
	for _, operation := range []string{opHead, opCatalog, opHistories, opHistory, opRecord, opForget, opReaderID} {
		m.store.WithLabelValues(operation)
	}
	for _, outcome := range []string{"read", "failed"} {
		m.catchUps.WithLabelValues(outcome)
	}
	to.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "recommendations_store_stale_seconds",
		Help: "How long the store has been unreachable and the memory stale; 0 while it is reachable.",
	}, func() float64 {
		since := r.lost.Load()
		if since == 0 {
			return 0
		}
		return time.Since(time.Unix(0, since)).Seconds()
	})
	to.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "recommendations_store_seq",
		Help: "Sequence number of the last change of the store that is in memory.",
	}, func() float64 { return float64(r.applied.Load()) })
	to.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "recommendations_readers",
		Help: "Readers whose histories are in memory.",
	}, func() float64 { return float64(r.Recommender.Readers()) })
	return m
}

// countError counts an error that means that the store cannot be used.
func (m *metrics) countError(err error) {
	if cause := store.CauseOf(err); cause != "" {
		m.errors.WithLabelValues(string(cause)).Inc()
	}
}

// setModel reports the model in use, nil for none.
func (m *metrics) setModel(model *loadedModel) {
	m.model.Reset()
	m.quality.Reset()
	m.created.Set(0)
	if model == nil {
		return
	}
	m.model.WithLabelValues(model.version).Set(1)
	m.created.Set(float64(model.Metadata.Created.Unix()))
	if q := model.Metadata.Metrics; q != nil {
		for measure, value := range map[string]float64{"ndcg@100": q.NDCG100, "recall@20": q.Recall20, "recall@50": q.Recall50, "coverage@20": q.Coverage20} {
			m.quality.WithLabelValues(measure).Set(value)
		}
	}
}
