// Package listen bounds the connections of a listener.
package listen

import (
	"net"
	"sync"
	"sync/atomic"
)

// Cap returns l without more than maxOpen connections. It closes a connection beyond that at
// once and calls refused: left in the kernel's queue, its client would find out only by a
// timeout.
func Cap(l net.Listener, maxOpen int, refused func()) net.Listener {
	return &capped{Listener: l, max: int64(maxOpen), refused: refused}
}

// reserved is how many files a process needs besides the connections of its clients: those
// to the store and to other services, the admin port, and what it reads and writes.
const reserved = 256

// Affordable returns wanted, or fewer if the limit of open files leaves no room for so many
// connections. Without room, the probes of a kubelet would find no answer either.
func Affordable(wanted int) int { return affordable(wanted, openFiles()) }

func affordable(wanted int, files uint64) int {
	switch {
	case files == 0 || files >= uint64(wanted)+reserved:
		return wanted
	case files <= 2*reserved:
		return int(files / 2)
	}
	return int(files - reserved)
}

type capped struct {
	net.Listener
	max     int64
	open    atomic.Int64
	refused func()
}

// Accept implements net.Listener.
func (l *capped) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.max {
			return &conn{Conn: c, listener: l}, nil
		}
		l.open.Add(-1)
		l.refused()
		_ = c.Close()
	}
}

type conn struct {
	net.Conn
	listener *capped
	closed   sync.Once
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.closed.Do(func() { c.listener.open.Add(-1) })
	return c.Conn.Close()
}
