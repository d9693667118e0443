// Package live sends a reader's shelf to an open page whenever it changes, as
// server-sent events.
package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
)

const (
	heartbeat    = 15 * time.Second // proxies cut connections that are silent for a minute
	writeTimeout = 10 * time.Second // deadline for each event
)

// Config holds the dependencies and limits of live shelves.
type Config struct {
	Pages    *page.Pages
	Max      int             // streams at a time
	Draining <-chan struct{} // closed when all streams must end
	Registry prometheus.Registerer
}

// Shelves serves the streams.
type Shelves struct {
	cfg   Config
	slots chan struct{} // holds one value for each stream

	streams       prometheus.Gauge
	sent, refused prometheus.Counter
}

// New returns the live shelves.
func New(cfg Config) *Shelves {
	with := promauto.With(cfg.Registry)
	return &Shelves{
		cfg: cfg, slots: make(chan struct{}, cfg.Max),
		streams: with.NewGauge(prometheus.GaugeOpts{
			Name: "web_live_streams", Help: "Browsers that wait for changes of their shelf.",
		}),
		sent: with.NewCounter(prometheus.CounterOpts{
			Name: "web_live_shelves_total", Help: "Shelves sent to browsers that waited for a change.",
		}),
		refused: with.NewCounter(prometheus.CounterOpts{
			Name: "web_live_refused_total", Help: "Browsers that could not wait for changes because there were too many.",
		}),
	}
}

// Events is GET /shelf/events: the reader's shelf at each change, as HTML. It ends
// when the browser disconnects or the shop drains.
func (s *Shelves) Events(w http.ResponseWriter, r *http.Request) error {
	shelf, ok, err := s.cfg.Pages.LiveShelf(r)
	if err != nil {
		return err
	}
	if shelf.Another() {
		begin(w)
		_, _ = io.WriteString(w, anotherReader)
		return nil
	}
	if !ok {
		w.WriteHeader(http.StatusNoContent) // tells the browser not to ask again
		return nil
	}
	select {
	case <-s.cfg.Draining:
		return problem.ErrNoStream
	default:
	}
	leave, err := shelf.Take()
	if err != nil {
		return err
	}
	defer leave()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.refused.Inc()
		return problem.ErrNoStream
	}
	s.streams.Inc()
	defer s.streams.Dec()

	begin(w)
	if r.Method == http.MethodHead {
		return nil
	}
	st := &stream{Shelves: s, shelf: shelf, w: w, out: http.NewResponseController(w)}
	st.run(r.Context())
	return nil
}

// anotherReader is the event that makes the script load the page again, as the browser has
// another reader than the page.
const anotherReader = "event: reader\ndata: another\n\n"

// begin sets the headers of a stream.
func begin(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // some proxies would buffer events
	h.Set("Connection", "close")     // the next request may go to another replica
}

// stream is the connection of one browser.
type stream struct {
	*Shelves
	shelf page.LiveShelf

	writing sync.Mutex // held for w and out
	w       http.ResponseWriter
	out     *http.ResponseController
}

// run sends events until the browser disconnects or the shop drains.
func (s *stream) run(ctx context.Context) {
	// The deadlines of the server are for responses that end.
	if err := s.out.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	// Random, so that the browsers of a draining replica do not all reconnect at once.
	if s.send(fmt.Appendf(nil, "retry: %d\n\n", 500+rand.IntN(1000))) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var beats sync.WaitGroup
	defer beats.Wait()
	defer cancel()
	beats.Go(func() {
		defer cancel()
		s.beat(ctx)
	})
	// Any other error is that of ctx or of the connection, or the browser will reconnect.
	if err := s.shelf.Follow(ctx, s.show); errors.Is(err, recommend.ErrForgotten) {
		_ = s.send([]byte(anotherReader)) // the connection ends anyway
	}
}

// beat keeps a silent connection open. It returns when the stream must end.
func (s *stream) beat(ctx context.Context) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if s.send([]byte(":\n\n")) != nil {
				return
			}
		case <-s.cfg.Draining:
			return
		case <-ctx.Done():
			return
		}
	}
}

// show sends a shelf.
func (s *stream) show(at string, html []byte) error {
	event := fmt.Appendf(nil, "id: %s\nevent: shelf\n", at)
	for line := range bytes.Lines(html) {
		event = append(append(event, "data: "...), bytes.TrimRight(line, "\r\n")...)
		event = append(event, '\n')
	}
	s.sent.Inc()
	return s.send(append(event, '\n'))
}

// send writes and flushes, with a deadline of its own.
func (s *stream) send(event []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.out.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(event); err != nil {
		return err
	}
	return s.out.Flush()
}
