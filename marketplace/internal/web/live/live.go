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
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
)

const (
	heartbeat    = 15 * time.Second // proxies cut connections that are silent for a minute
	writeTimeout = 10 * time.Second // deadline for each event
	drainTimeout = time.Second      // the same while the shop drains, which waits for streams
	// mostIgnored bounds the reads of what a browser sends after its request.
	mostIgnored = 64
)

// Config holds the dependencies and limits of live shelves.
type Config struct {
	Pages    *page.Pages
	Max      int             // streams at a time
	Draining context.Context // ends when all streams must
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

// Events answers GET /shelf/events: the reader's shelf at each change, as HTML, until the
// browser disconnects or the shop drains. The first event is sent at once. If run is not
// nil, the caller must call it when all handlers have returned; it sends the others, and
// returns their bytes.
func (s *Shelves) Events(w http.ResponseWriter, r *http.Request) (run func() int64, err error) {
	shelf, ok, err := s.cfg.Pages.LiveShelf(r)
	if err != nil {
		return nil, err
	}
	if shelf.Another() {
		begin(w)
		_, _ = io.WriteString(w, anotherReader)
		return nil, nil
	}
	if !ok {
		w.WriteHeader(http.StatusNoContent) // tells the browser not to ask again
		return nil, nil
	}
	if s.cfg.Draining.Err() != nil {
		return nil, problem.ErrNoStream
	}
	leave, err := shelf.Take()
	if err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
	default:
		leave()
		s.refused.Inc()
		return nil, problem.ErrNoStream
	}
	s.streams.Inc()
	st := &stream{Shelves: s, shelf: shelf, requestID: telemetry.RequestID(r.Context()), leave: leave}
	begin(w)
	if r.Method == http.MethodHead || !st.takeOver(w, r) {
		st.end()
		return nil, nil
	}
	return st.run, nil
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

// stream is one live shelf.
type stream struct {
	*Shelves
	shelf     *page.LiveShelf
	requestID string
	leave     func() // gives the place of its reader back

	conn    net.Conn
	chunked bool // whether events are chunks, as in all versions of HTTP after 1.0

	mu    sync.Mutex // held for writing, and for the fields below
	beats *time.Timer
	bytes int64 // that were sent
	ended bool  // whether nothing more may be written, also after a write that failed
}

// takeOver sends the headers and the first event, and takes the connection over from
// net/http. It returns false if the browser has disconnected.
func (s *stream) takeOver(w http.ResponseWriter, r *http.Request) bool {
	out := http.NewResponseController(w)
	if out.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
		return false
	}
	// Random, so that the browsers of a draining replica do not all reconnect at once.
	if _, err := fmt.Fprintf(w, "retry: %d\n\n", 500+rand.IntN(1000)); err != nil {
		return false
	}
	if out.Flush() != nil {
		return false
	}
	var err error
	s.conn, _, err = out.Hijack() // without the deadlines of the server, which are for responses that end
	s.chunked = r.ProtoAtLeast(1, 1)
	return err == nil
}

// end gives back what the stream has taken.
func (s *stream) end() {
	s.streams.Dec()
	<-s.slots
	s.leave()
}

// run has events sent until the browser disconnects or the shop drains, and closes the
// connection. It returns how many bytes were sent. Its goroutine waits for the browser alone, and
// another one at a time for the shelf.
func (s *stream) run() int64 {
	ctx, cancel := context.WithCancel(telemetry.WithRequestID(s.cfg.Draining, s.requestID))
	defer s.start(cancel)()
	followed := make(chan error, 1)
	s.shelf.Follow(ctx, s.show, func(err error) {
		followed <- err
		_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // ends watch
	})
	s.watch(cancel)
	err := <-followed
	if p, ok := errors.AsType[*telemetry.Panic](err); ok {
		panic(p)
	}
	// Any other error is that of ctx or of the connection, or the browser will reconnect.
	if errors.Is(err, recommend.ErrForgotten) {
		_ = s.send([]byte(anotherReader)) // the connection ends anyway
	}
	return s.finish()
}

// start starts what goes on beside the events: heartbeats, and a hurry once the shop drains.
func (s *stream) start(cancel func()) (stop func()) {
	calm := context.AfterFunc(s.cfg.Draining, s.hurry)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats = time.AfterFunc(heartbeat, func() { s.beat(cancel) })
	return func() {
		calm()
		cancel()
		s.beats.Stop()
		s.conn.Close()
		s.end()
	}
}

// watch returns when the browser has disconnected or the shelf is followed no more, and ends the
// stream. What a browser sends is ignored; of one that sends much, only writing notices that it
// has left.
func (s *stream) watch(cancel func()) {
	ignored := make([]byte, 16)
	for range mostIgnored {
		if _, err := s.conn.Read(ignored); err != nil {
			cancel()
			return
		}
	}
}

// hurry shortens the deadline of a write that is under way.
func (s *stream) hurry() { _ = s.conn.SetWriteDeadline(time.Now().Add(drainTimeout)) }

// beat keeps a silent connection open.
func (s *stream) beat(cancel func()) {
	if s.send([]byte(":\n\n")) != nil {
		cancel()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.beats.Reset(heartbeat)
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

// send writes an event, with a deadline of its own.
func (s *stream) send(event []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return net.ErrClosed
	}
	if err := s.write(event); err != nil {
		s.ended = true // a part of it may have been sent
		return err
	}
	s.bytes += int64(len(event))
	return nil
}

// finish ends the body of the response, and returns how many bytes were sent.
func (s *stream) finish() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chunked && !s.ended {
		_ = s.write(nil) // fails if the browser has disconnected
	}
	s.ended = true
	return s.bytes
}

// write writes a chunk, which is the last one if it is empty. The caller holds the lock.
func (s *stream) write(chunk []byte) error {
	if s.chunked {
		chunk = slices.Concat(strconv.AppendInt(nil, int64(len(chunk)), 16), []byte("\r\n"), chunk, []byte("\r\n"))
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if s.cfg.Draining.Err() != nil { // asked last: before, hurry has come too early
		s.hurry()
	}
	_, err := s.conn.Write(chunk)
	return err
}
