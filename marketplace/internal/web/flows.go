package web

import (
	"container/list"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	maxBodies  = 8 << 20  // bytes of bodies that are being read
	maxAnswers = 16 << 20 // bytes of answers that are being written
	// leastTransfer is what any of them counts at least, for its connection. The most that
	// there can be at a time, 256 and 512, leave room for new connections.
	leastTransfer = 32 << 10
)

// flows bounds the bytes that are in memory for slow clients. Beyond the bound the transfer
// that began first is cut: it is the slowest.
type flows struct {
	max int64

	mu    sync.Mutex
	bytes int64
	open  *list.List // of *flow, in the order in which they began
}

func newFlows(maxBytes int64) *flows { return &flows{max: maxBytes, open: list.New()} }

// flow is the transfer of one body or answer.
type flow struct {
	flows *flows
	bytes int64
	cut   func() // ends it; called with the lock held
	at    *list.Element
}

// begin adds a transfer of so many bytes, which cut must make fail.
func (f *flows) begin(bytes int64, cut func()) *flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &flow{flows: f, bytes: max(bytes, leastTransfer), cut: cut}
	t.at = f.open.PushBack(t)
	for f.bytes += t.bytes; f.bytes > f.max && f.open.Len() > 1; {
		slowest, _ := f.open.Front().Value.(*flow)
		slowest.leave()
		slowest.cut()
	}
	return t
}

// end removes the transfer.
func (t *flow) end() {
	t.flows.mu.Lock()
	defer t.flows.mu.Unlock()
	t.leave()
}

// leave takes it off the list. The caller holds the lock.
func (t *flow) leave() {
	if t.at != nil {
		t.flows.open.Remove(t.at)
		t.flows.bytes -= t.bytes
		t.at = nil
	}
}

// read reads a body of at most so many bytes to its end. One that is cut fails like one
// that its sender cuts.
func (f *flows) read(w http.ResponseWriter, body io.Reader, most int64) ([]byte, error) {
	in := http.NewResponseController(w)
	defer f.begin(most, func() { _ = in.SetReadDeadline(time.Unix(1, 0)) }).end()
	return io.ReadAll(body)
}

// outgoing is the writer of an answer that counts towards the bound while it is written.
type outgoing struct {
	http.ResponseWriter
	answers *flows
}

// Write implements http.ResponseWriter.
func (o *outgoing) Write(b []byte) (int, error) {
	out := http.NewResponseController(o.ResponseWriter)
	defer o.answers.begin(int64(len(b)), func() { _ = out.SetWriteDeadline(time.Unix(1, 0)) }).end()
	return o.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (o *outgoing) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// leaving is the writer of a request that holds a slot.
type leaving struct {
	http.ResponseWriter
	leave func()
}

// Write implements http.ResponseWriter. Answers are written as a whole, so the first
// Write means that the request needs its slot no more.
func (l *leaving) Write(b []byte) (int, error) {
	l.leave()
	return l.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (l *leaving) Unwrap() http.ResponseWriter { return l.ResponseWriter }
