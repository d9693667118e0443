// Package listen bounds the connections of a listener.
package listen

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// Why a connection was closed.
const (
	Idle    = "idle"    // it was idle longer than all others, and a new one came
	Refused = "refused" // it came when none was idle
)

// buffer is for each direction of a connection, in bytes; the kernel takes it twice. Its own
// limit is some megabytes, which is memory of the container too.
const buffer = 64 << 10

// Capped is a listener that bounds its connections. Beyond the bound it closes the one that
// has been idle longest, so that whoever opens many does not keep others out. If none is
// idle, it closes the new one at once: left in the kernel's queue, its client would find out
// only by a timeout. Its connections are of TCP.
type Capped struct {
	net.Listener
	max int
	cut func(reason string)

	mu   sync.Mutex
	open map[netip.AddrPort]*conn // by the client's address
	idle *list.List               // of *conn, in the order in which they became idle
}

// Cap returns l without more than maxOpen connections. It calls cut with Idle or Refused for
// each that it closes.
func Cap(l net.Listener, maxOpen int, cut func(reason string)) *Capped {
	return &Capped{Listener: l, max: maxOpen, cut: cut, open: map[netip.AddrPort]*conn{}, idle: list.New()}
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

// Accept implements net.Listener. A connection is idle until SetIdle says otherwise.
func (l *Capped) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(buffer) // it may just have ended
			_ = tcp.SetWriteBuffer(buffer)
		}
		if accepted := l.admit(c); accepted != nil {
			return accepted, nil
		}
		l.cut(Refused)
		_ = c.Close()
	}
}

// admit makes room for a connection, or returns nil.
func (l *Capped) admit(c net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.max {
		longest := l.idle.Front()
		if longest == nil {
			return nil
		}
		victim, _ := longest.Value.(*conn)
		l.forget(victim)
		_ = victim.Conn.Close()
		l.cut(Idle)
	}
	accepted := &conn{Conn: c, listener: l, client: addrPort(c.RemoteAddr())}
	accepted.idle = l.idle.PushBack(accepted)
	l.open[accepted.client] = accepted
	return accepted
}

// Open returns how many connections are open.
func (l *Capped) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Idle returns how many of them are idle.
func (l *Capped) Idle() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle.Len()
}

// addrPort returns the address of a client. Unlike its text it costs no allocation: SetIdle is called twice a request.
func addrPort(client net.Addr) netip.AddrPort {
	tcp, _ := client.(*net.TCPAddr)
	return tcp.AddrPort()
}

// SetIdle says whether the connection of a client is idle from now on.
func (l *Capped) SetIdle(client net.Addr, idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.open[addrPort(client)]
	if !ok {
		return
	}
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
	if idle {
		c.idle = l.idle.PushBack(c)
	}
}

// forget takes a connection off the books. The caller holds the lock.
func (l *Capped) forget(c *conn) {
	if l.open[c.client] == c {
		delete(l.open, c.client)
	}
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
}

type conn struct {
	net.Conn
	listener *Capped
	client   netip.AddrPort
	idle     *list.Element // nil while it is busy, and after its end
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
