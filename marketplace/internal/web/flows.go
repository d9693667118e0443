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
	bytes int64
	cut   func()        // ends it; called with the lock held
	at    *list.Element // nil once it has ended or was cut
}

// enter adds a transfer of so many bytes, which cut must make fail. It must end before it enters
// again.
func (f *flows) enter(t *flow, bytes int64, cut func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*t = flow{bytes: max(bytes, leastTransfer), cut: cut}
	t.at = f.open.PushBack(t)
	for f.bytes += t.bytes; f.bytes > f.max && f.open.Len() > 1; {
		slowest, _ := f.open.Front().Value.(*flow)
		f.leave(slowest)
		slowest.cut()
	}
}

// end removes the transfer, if it was not cut.
func (f *flows) end(t *flow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.at != nil {
		f.leave(t)
	}
}

// leave takes a transfer off the list. The caller holds the lock.
func (f *flows) leave(t *flow) {
	f.open.Remove(t.at)
	f.bytes -= t.bytes
	t.at = nil
}

// read reads a body of at most so many bytes to its end. One that is cut fails like one
// that its sender cuts.
func (f *flows) read(w http.ResponseWriter, body io.Reader, most int64) ([]byte, error) {
	in := http.NewResponseController(w)
	var t flow
	f.enter(&t, most, func() { _ = in.SetReadDeadline(time.Unix(1, 0)) })
	defer f.end(&t)
	return io.ReadAll(body)
}
