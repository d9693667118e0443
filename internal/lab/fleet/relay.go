package fleet

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const dialTimeout = time.Second

// Relay passes TCP connections on: a stretch of network that can be made slow and
// be cut.
type Relay struct {
	listener *net.TCPListener
	pick     func() []string // addresses to try, in this order

	mu     sync.Mutex
	conns  map[*net.TCPConn]struct{}
	delay  time.Duration
	closed bool
	work   sync.WaitGroup
}

// startRelay listens on address and passes each connection on to the first of the
// addresses of pick that takes it.
func startRelay(address string, pick func() []string) (*Relay, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: l.(*net.TCPListener), pick: pick, conns: map[*net.TCPConn]struct{}{}}
	r.work.Go(r.accept)
	return r, nil
}

// Addr is where it listens.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// SetDelay holds back what comes from now on, in each direction, for so long.
func (r *Relay) SetDelay(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = d
}

// Connections returns how many connections it passes on.
func (r *Relay) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns) / 2
}

// Reset ends all present connections with RST, and returns how many there were.
func (r *Relay) Reset() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		_ = c.SetLinger(0) // it may just have ended
		_ = c.Close()
	}
	return len(r.conns) / 2
}

// Close ends all connections and returns when none is left.
func (r *Relay) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	err := r.listener.Close()
	r.Reset()
	r.work.Wait()
	return err
}

func (r *Relay) accept() {
	for {
		c, err := r.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err == nil {
			r.work.Go(func() { r.pass(c) })
		}
	}
}

// pass passes one connection on until both sides have ended it.
func (r *Relay) pass(caller *net.TCPConn) {
	called := r.dial()
	if called == nil || !r.keep(caller, called) {
		_ = caller.SetLinger(0) // what a caller sees when nobody listens, or nearly
		_ = caller.Close()
		if called != nil {
			_ = called.Close()
		}
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.stream(caller, called) })
	both.Go(func() { r.stream(called, caller) })
	both.Wait()
	r.mu.Lock()
	delete(r.conns, caller)
	delete(r.conns, called)
	r.mu.Unlock()
	_, _ = caller.Close(), called.Close() // Reset may have closed them
}

func (r *Relay) dial() *net.TCPConn {
	for _, address := range r.pick() {
		if c, err := net.DialTimeout("tcp", address, dialTimeout); err == nil {
			return c.(*net.TCPConn)
		}
	}
	return nil
}

func (r *Relay) keep(conns ...*net.TCPConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	for _, c := range conns {
		r.conns[c] = struct{}{}
	}
	return true
}

// held is what is under way.
type held struct {
	data []byte
	due  time.Time
}

// stream passes one direction on. An end is passed on as an end, a reset as one.
func (r *Relay) stream(from, to *net.TCPConn) {
	way := make(chan held, 1024)
	var reading sync.WaitGroup
	var readErr error
	reading.Go(func() {
		defer close(way)
		for {
			chunk := make([]byte, 32<<10)
			n, err := from.Read(chunk)
			if n > 0 {
				r.mu.Lock()
				due := time.Now().Add(r.delay)
				r.mu.Unlock()
				way <- held{chunk[:n], due}
			}
			if err != nil {
				readErr = err
				return
			}
		}
	})
	broken := false
	for h := range way {
		if broken {
			continue
		}
		if wait := time.Until(h.due); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := to.Write(h.data); err != nil {
			broken = true
			_ = from.SetLinger(0)
			_ = from.Close()
		}
	}
	reading.Wait()
	if broken {
		return
	}
	if errors.Is(readErr, io.EOF) {
		_ = to.CloseWrite() // it may have ended meanwhile
		return
	}
	_ = to.SetLinger(0)
	_ = to.Close()
}
