package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/recommender"
)

type metrics struct {
	shelves   map[string]shelves // by source
	followers prometheus.Gauge
	followed  prometheus.Counter
	shown     shown

	bestsellers, others prometheus.Counter // books
}

// shelves are the series of the shelves of one source, looked up once.
type shelves struct {
	sent  prometheus.Counter
	score prometheus.Observer
}

func (m *metrics) of(source string) shelves { return m.shelves[source] }

// Values of the label source.
const (
	personal = "personal"
	popular  = "popular"
	similar  = "similar"
)

func newMetrics(reg prometheus.Registerer, native bool) *metrics {
	to := promauto.With(reg)
	sent := to.NewCounterVec(prometheus.CounterOpts{
		Name: "recommendations_shelves_total",
		Help: "Shelves sent, by source: personal, popular or similar.",
	}, []string{"source"})
	score := to.NewHistogramVec(telemetry.Histogram(prometheus.HistogramOpts{
		Name:    "recommendations_score_duration_seconds",
		Help:    "Time to score the books for one shelf, by source: personal, popular or similar. Shelves of Follow streams are among them.",
		Buckets: []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .1},
	}, native), []string{"source"})
	books := to.NewCounterVec(prometheus.CounterOpts{
		Name: "recommendations_shown_books_total",
		Help: "Books on shelves, by whether they are bestsellers: the 100 most liked, or the tenth of the catalogue that is most liked if that is fewer.",
	}, []string{"bestseller"})
	m := &metrics{
		shelves: map[string]shelves{},
		// Separate, as streams stay with a replica and do not show the balance.
		followers: to.NewGauge(prometheus.GaugeOpts{
			Name: "recommendations_followers",
			Help: "Open Follow streams.",
		}),
		followed: to.NewCounter(prometheus.CounterOpts{
			Name: "recommendations_followed_shelves_total",
			Help: "Shelves sent on Follow streams.",
		}),
		bestsellers: books.WithLabelValues("true"), others: books.WithLabelValues("false"),
	}
	to.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "recommendations_shown_coverage_ratio",
		Help: "Share of the catalogue's books that this replica has put on a shelf since it has this catalogue.",
	}, m.shown.coverage)
	for _, source := range []string{personal, popular, similar} {
		m.shelves[source] = shelves{sent.WithLabelValues(source), score.WithLabelValues(source)}
	}
	return m
}

// scored records a shelf whose scoring took a time.
func (s *Server) scored(shelf recommender.Shelf, source string, took time.Duration) {
	s.metrics.of(source).score.Observe(took.Seconds())
	catalog, err := s.recommender.Catalog()
	if err != nil {
		return
	}
	best := s.metrics.shown.add(shelf, catalog)
	s.metrics.bestsellers.Add(float64(best))
	s.metrics.others.Add(float64(len(shelf.Items) - best))
}
