package fleet

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const dialTimeout = time.Second

// Relay forwards TCP connections. It stands for a stretch of network, which can be
// slowed and cut.
type Relay struct {
	listener *net.TCPListener
	pick     func() []string // addresses to try, in order

	delay atomic.Int64 // nanoseconds

	mu     sync.Mutex
	conns  map[*net.TCPConn]struct{}
	closed bool
	work   sync.WaitGroup
}

// startRelay listens on address and forwards each connection to the first address
// of pick that accepts it.
func startRelay(address string, pick func() []string) (*Relay, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: l.(*net.TCPListener), pick: pick, conns: map[*net.TCPConn]struct{}{}}
	r.work.Go(r.accept)
	return r, nil
}

// Addr returns where the relay listens.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// SetDelay delays all data that arrives from now on, in each direction.
func (r *Relay) SetDelay(d time.Duration) { r.delay.Store(int64(d)) }

// Connections returns how many connections the relay forwards now.
func (r *Relay) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns) / 2
}

// Reset ends all connections with RST and returns how many there were.
func (r *Relay) Reset() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		_ = c.SetLinger(0) // it may just have ended
		_ = c.Close()
	}
	return len(r.conns) / 2
}

// Close stops listening, ends all connections and returns when none is left.
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
			r.work.Go(func() { r.forward(c) })
		}
	}
}

// forward forwards one connection until both sides have closed it.
func (r *Relay) forward(caller *net.TCPConn) {
	called := r.dial()
	if called == nil || !r.keep(caller, called) {
		_ = caller.SetLinger(0) // close to what a caller sees when nothing listens
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

// chunk is data in flight.
type chunk struct {
	data []byte
	due  time.Time // when it arrives
}

// stream forwards one direction. It forwards the end of the data as an end, and a
// reset as a reset.
func (r *Relay) stream(from, to *net.TCPConn) {
	inFlight := make(chan chunk, 1024)
	var reading sync.WaitGroup
	var readErr error
	reading.Go(func() {
		defer close(inFlight)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if n > 0 {
				inFlight <- chunk{data[:n], time.Now().Add(time.Duration(r.delay.Load()))}
			}
			if err != nil {
				readErr = err
				return
			}
		}
	})
	broken := false
	for c := range inFlight {
		if broken {
			continue
		}
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.data); err != nil {
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
		_ = to.CloseWrite() // it may be closed already
		return
	}
	_ = to.SetLinger(0)
	_ = to.Close()
}
