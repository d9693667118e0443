// Package limit bounds what each of many callers does: requests and writes a second, and
// streams at a time.
package limit

import (
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// ErrExceeded is the error of a caller who does too much.
var ErrExceeded = errors.New("a limit is exceeded")

// Exceeded is an ErrExceeded. After says when the caller may try again.
type Exceeded struct {
	Kind  Kind
	After time.Duration
}

func (e *Exceeded) Error() string { return fmt.Sprintf("%v: %s", ErrExceeded, e.Kind) }

// Unwrap returns ErrExceeded.
func (*Exceeded) Unwrap() error { return ErrExceeded }

// Kind is what is limited.
type Kind string

// The kinds.
const (
	Requests Kind = "requests"
	Writes   Kind = "writes"
	Streams  Kind = "streams"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Requests, Writes, Streams} }

// Rates are what one caller may do. After a while of nothing, it may do more at once. The zero
// value means no limits.
type Rates struct {
	RequestsPerSecond, RequestsAtOnce int
	WritesPerSecond, WritesAtOnce     int
	StreamsAtATime                    int
}

// Of returns rates in proportion to the requests a second; 0 for no limits.
func Of(requestsPerSecond int) Rates {
	n := requestsPerSecond
	if n == 0 {
		return Rates{}
	}
	return Rates{
		RequestsPerSecond: n, RequestsAtOnce: 5 * n,
		WritesPerSecond: max(1, n/5), WritesAtOnce: n,
		StreamsAtATime: 2 * n,
	}
}

// known is how many callers a Table remembers: those that came last. One that is forgotten
// begins anew.
const known = 10_000

// Config sets up a Table.
type Config struct {
	Rates   Rates
	Refused func(Kind)       // called for each refusal
	Now     func() time.Time // nil for time.Now
}

// Table bounds what each caller does. It is safe for concurrent use.
type Table[K comparable] struct {
	cfg Config

	mu      sync.Mutex
	callers *lru.LRU[K, *allowance]
}

// allowance is what one caller has left.
type allowance struct {
	requests, writes *rate.Limiter
	streams          int // that are open
}

// New returns a table.
func New[K comparable](cfg Config) *Table[K] {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	callers, _ := lru.NewLRU[K, *allowance](known, nil) // fails for sizes below 1 only
	return &Table[K]{cfg: cfg, callers: callers}
}

// of returns the allowance of a caller. The caller of this holds t.mu.
func (t *Table[K]) of(key K) *allowance {
	a, ok := t.callers.Get(key)
	if !ok {
		r := t.cfg.Rates
		a = &allowance{
			requests: rate.NewLimiter(rate.Limit(r.RequestsPerSecond), r.RequestsAtOnce),
			writes:   rate.NewLimiter(rate.Limit(r.WritesPerSecond), r.WritesAtOnce),
		}
		t.callers.Add(key, a)
	}
	return a
}

// Request returns an Exceeded if a caller has made too many requests.
func (t *Table[K]) Request(key K) error {
	return t.take(key, Requests, func(a *allowance) *rate.Limiter { return a.requests })
}

// Write returns an Exceeded if a caller has written too much.
func (t *Table[K]) Write(key K) error {
	return t.take(key, Writes, func(a *allowance) *rate.Limiter { return a.writes })
}

func (t *Table[K]) take(key K, kind Kind, of func(*allowance) *rate.Limiter) error {
	if t.cfg.Rates == (Rates{}) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.cfg.Now()
	reserved := of(t.of(key)).ReserveN(now, 1)
	after := reserved.DelayFrom(now)
	if after == 0 {
		return nil
	}
	reserved.CancelAt(now)
	t.cfg.Refused(kind)
	return &Exceeded{Kind: kind, After: after}
}

// Stream takes a place for a stream, which the caller must leave, or returns an Exceeded.
func (t *Table[K]) Stream(key K) (leave func(), err error) {
	if t.cfg.Rates == (Rates{}) {
		return func() {}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.of(key)
	if a.streams >= t.cfg.Rates.StreamsAtATime {
		t.cfg.Refused(Streams)
		return nil, &Exceeded{Kind: Streams, After: time.Second}
	}
	a.streams++
	return func() {
		t.mu.Lock()
		a.streams--
		t.mu.Unlock()
	}, nil
}
