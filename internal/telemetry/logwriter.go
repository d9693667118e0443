package telemetry

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// logQueue is how many log lines may wait for a slow reader.
const logQueue = 4096

// logBatch bounds how many bytes of lines are written at once. The kernel writes as much to a
// pipe as a whole, so that lines of processes that share one do not mix.
const logBatch = 4096

// logPause is how long the writer waits after it has written all lines. Those that come meanwhile are written together,
// and none of them has to wake the writer. A program that is killed loses them.
const logPause = 2 * time.Millisecond

// logWriter writes lines from a goroutine of its own. If the reader does not keep up, such
// as a pager or a stopped terminal, it drops and counts lines: otherwise every request
// would block on the log, with no sign of the cause.
type logWriter struct {
	out     io.Writer
	lines   chan *[]byte // from buffers
	buffers sync.Pool
	dropped atomic.Int64
	done    chan struct{}

	mu     sync.RWMutex // guards closed, and lines against a send after its close
	closed bool
}

func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{out: out, lines: make(chan *[]byte, logQueue), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.writeLines()
	}()
	return w
}

// writeLines writes the lines in their order, those that wait together.
func (w *logWriter) writeLines() {
	batch := make([]byte, 0, logBatch)
	write := func() {
		_, _ = w.out.Write(batch) // there is no log to report the error to
		batch = batch[:0]
	}
	for buffer := range w.lines {
		line := *buffer
		if len(batch) > 0 && len(batch)+len(line) > logBatch {
			write()
		}
		if len(line) > logBatch { // alone, and without a buffer that would stay
			_, _ = w.out.Write(line)
			continue
		}
		batch = append(batch, line...)
		w.buffers.Put(buffer)
		if len(w.lines) == 0 {
			write()
			time.Sleep(logPause)
		}
	}
}

// Write queues one line. It never blocks or fails, and is safe for concurrent use.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return len(line), nil
	}
	buffer, ok := w.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	*buffer = append((*buffer)[:0], line...)
	select {
	case w.lines <- buffer:
	default:
		w.dropped.Add(1)
		w.buffers.Put(buffer)
	}
	return len(line), nil
}

// close writes the queued lines, for at most timeout.
func (w *logWriter) close(timeout time.Duration) {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if !closed {
		close(w.lines)
	}
	select {
	case <-w.done:
	case <-time.After(timeout):
	}
}
