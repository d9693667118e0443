package rpc

import (
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/internal/telemetry"
)

// When to warn about a certificate, before its end.
const (
	warnPart  = 3              // a third of its life
	warnDay   = 24 * time.Hour // or a tenth of its life, if that is less
	dayPart   = 10
	lookEvery = 10 * time.Second // for new files
	lookAgain = time.Second      // while something is not valid
)

// expiry watches when the certificate of this end and its CA expire: it logs in time, and
// reports what is not valid.
type expiry struct {
	source *tlsSource
	log    logr.Logger
	until  *prometheus.GaugeVec
	report func(trouble string) // "" if all is valid; called from one goroutine at a time

	stage map[string]stage // by certificate
	stop  chan struct{}
	ended sync.WaitGroup
	once  sync.Once
}

// stage is how near the end of a certificate is.
type stage struct {
	until time.Time // which certificate it is
	level int       // 0 while the end is far; then it grows
}

func newExpiry(source *tlsSource, reg prometheus.Registerer, log logr.Logger, report func(trouble string)) *expiry {
	e := &expiry{source: source, log: log, report: report, stage: map[string]stage{}, stop: make(chan struct{})}
	e.until = promauto.With(reg).NewGaugeVec(prometheus.GaugeOpts{
		Name: "rpc_certificate_not_after_seconds",
		Help: "Unix time at which the certificate (own) and the CA that signed it (ca) expire.",
	}, []string{"certificate"})
	return e
}

// start looks now and then regularly, until close.
func (e *expiry) start() {
	next := e.look()
	e.ended.Go(func() {
		for {
			timer := time.NewTimer(next)
			select {
			case <-e.stop:
				timer.Stop()
				return
			case <-timer.C:
				next = e.look()
			}
		}
	})
}

func (e *expiry) close() {
	e.once.Do(func() { close(e.stop) })
	e.ended.Wait()
}

// look returns when to look again.
func (e *expiry) look() time.Duration {
	id := e.source.current()
	now := time.Now()
	next, trouble := lookEvery, ""
	for _, c := range []struct {
		label, name string
		period      period
	}{{"own", "certificate", id.own()}, {"ca", "CA", id.ca()}} {
		e.until.WithLabelValues(c.label).Set(float64(c.period.until.Unix()))
		e.warn(c.name, c.period, now)
		for _, change := range []time.Time{c.period.from, c.period.until} {
			if wait := change.Sub(now); wait > 0 {
				next = min(next, wait)
			}
		}
		switch {
		case trouble != "":
		case now.Before(c.period.from):
			trouble = fmt.Sprintf("TLS: the %s is not valid before %s", c.name, c.period.from.UTC().Format(time.RFC3339))
		case !now.Before(c.period.until):
			trouble = fmt.Sprintf("TLS: the %s expired at %s", c.name, c.period.until.UTC().Format(time.RFC3339))
		}
	}
	e.report(trouble)
	if trouble != "" {
		next = min(next, lookAgain)
	}
	return next
}

// warn logs once when a third of a certificate's life is left, once when a day is, or a tenth
// of a short life, and once when it has expired.
func (e *expiry) warn(name string, p period, now time.Time) {
	left := p.until.Sub(now)
	level := 0
	for i, limit := range []time.Duration{p.until.Sub(p.from) / warnPart, min(warnDay, p.until.Sub(p.from)/dayPart), 0} {
		if left <= limit {
			level = i + 1
		}
	}
	before := e.stage[name]
	if !before.until.Equal(p.until) {
		before = stage{until: p.until}
	}
	if level > before.level {
		keys := []any{"certificate", name, "notAfter", p.until.UTC().Format(time.RFC3339), "left", left.Round(time.Second).String()}
		switch level {
		case 1:
			telemetry.Warn(e.log, "certificate expires soon, a third of its life is left", keys...)
		case 2:
			e.log.Error(nil, "certificate is about to expire", keys...)
		default:
			e.log.Error(nil, "certificate has expired, the other side refuses it", keys...)
		}
	}
	e.stage[name] = stage{until: p.until, level: level}
}
