package page

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/time/rate"

	"bookstall/marketplace/internal/web/problem"
)

// What one reader may do at one replica of the shop: far more than a person does, and far
// less than would leave nothing for others.
const (
	writesPerSecond = 20
	writesAtOnce    = 100
	streamsAtATime  = 20    // live shelves, one for each open tab
	readersKnown    = 10000 // of whom the last ones are remembered
)

// limits bounds what each reader does. It is safe for concurrent use.
type limits struct {
	writes, streams prometheus.Counter // refused

	mu      sync.Mutex
	readers *lru.LRU[int64, *allowance]
}

// allowance is what one reader has left.
type allowance struct {
	writes  *rate.Limiter
	streams int // that are open
}

func newLimits(reg prometheus.Registerer) (*limits, error) {
	refused := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "web_limited_total",
		Help: "Requests refused because their reader made too many, by kind: writes, or live shelves at a time (streams).",
	}, []string{"kind"})
	readers, err := lru.NewLRU[int64, *allowance](readersKnown, nil)
	if err != nil {
		return nil, err
	}
	return &limits{writes: refused.WithLabelValues("writes"), streams: refused.WithLabelValues("streams"), readers: readers}, nil
}

// of returns the allowance of a reader. The caller holds l.mu.
func (l *limits) of(reader int64) *allowance {
	a, ok := l.readers.Get(reader)
	if !ok {
		a = &allowance{writes: rate.NewLimiter(writesPerSecond, writesAtOnce)}
		l.readers.Add(reader, a)
	}
	return a
}

// write returns problem.ErrTooMany if a reader has written too much.
func (l *limits) write(reader int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of(reader).writes.Allow() {
		return nil
	}
	l.writes.Inc()
	return problem.ErrTooMany
}

// stream takes a place for a live shelf, which the caller must leave, or returns
// problem.ErrTooMany.
func (l *limits) stream(reader int64) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.of(reader)
	if a.streams >= streamsAtATime {
		l.streams.Inc()
		return nil, problem.ErrTooMany
	}
	a.streams++
	return func() {
		l.mu.Lock()
		a.streams--
		l.mu.Unlock()
	}, nil
}
