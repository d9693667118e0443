package web

import (
	"container/list"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	maxBodies  = 4 << 20  // bytes of bodies that are being read
	maxAnswers = 16 << 20 // bytes of answers that are being written
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

// begin adds a transfer, which cut must make fail.
func (f *flows) begin(cut func()) *flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &flow{flows: f, cut: cut}
	t.at = f.open.PushBack(t)
	return t
}

// add counts n more bytes.
func (t *flow) add(n int) {
	f := t.flows
	f.mu.Lock()
	defer f.mu.Unlock()
	t.bytes += int64(n)
	if t.at == nil { // it was cut
		return
	}
	for f.bytes += int64(n); f.bytes > f.max && f.open.Len() > 1; {
		slowest, _ := f.open.Front().Value.(*flow)
		slowest.leave()
		slowest.cut()
	}
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

// read reads a body to its end. One that is cut fails like one that its sender cuts.
func (f *flows) read(w http.ResponseWriter, body io.Reader) (content []byte, err error) {
	in := http.NewResponseController(w)
	t := f.begin(func() { _ = in.SetReadDeadline(time.Unix(1, 0)) })
	defer t.end()
	chunk := make([]byte, 512)
	for {
		n, err := body.Read(chunk)
		content = append(content, chunk[:n]...)
		t.add(n)
		if errors.Is(err, io.EOF) {
			return content, nil
		}
		if err != nil {
			return content, err
		}
	}
}

// leaving is the writer of a request that holds a slot.
type leaving struct {
	http.ResponseWriter
	leave   func()
	answers *flows
}

// Write implements http.ResponseWriter. Answers are written as a whole, so the first
// Write means that the request needs its slot no more.
func (l *leaving) Write(b []byte) (int, error) {
	l.leave()
	out := http.NewResponseController(l.ResponseWriter)
	t := l.answers.begin(func() { _ = out.SetWriteDeadline(time.Unix(1, 0)) })
	defer t.end()
	t.add(len(b))
	return l.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (l *leaving) Unwrap() http.ResponseWriter { return l.ResponseWriter }
