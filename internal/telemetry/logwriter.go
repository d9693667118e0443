package telemetry

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// logQueue is how many log lines may wait for a reader that is slow.
const logQueue = 4096

// logWriter passes lines on from a goroutine of its own. When their reader does
// not keep up, as a pager or a stopped terminal, lines are dropped and counted:
// a shop that waits for its log is closed, and nothing shows it.
type logWriter struct {
	out     io.Writer
	lines   chan []byte
	dropped atomic.Int64
	done    chan struct{}

	mu     sync.RWMutex // guards closed, and lines against a send after its close
	closed bool
}

func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{out: out, lines: make(chan []byte, logQueue), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for line := range w.lines {
			_, _ = w.out.Write(line) // there is nowhere left to say it
		}
	}()
	return w
}

// Write takes one line; it never blocks and never fails.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return len(line), nil
	}
	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

// close writes what waits, for as long as patience allows.
func (w *logWriter) close(patience time.Duration) {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if !closed {
		close(w.lines)
	}
	select {
	case <-w.done:
	case <-time.After(patience):
	}
}
