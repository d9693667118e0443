package rpc

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// cappedListener closes a connection beyond its limit at once. Clients that wait in the
// kernel's queue instead would find out only by their own timeout.
type cappedListener struct {
	net.Listener
	max     int64
	open    atomic.Int64
	refused prometheus.Counter
}

func newCappedListener(l net.Listener, maxOpen int, reg prometheus.Registerer) *cappedListener {
	return &cappedListener{Listener: l, max: int64(maxOpen), refused: promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "rpc_server_connections_refused_total",
		Help: "Connections that were closed at once because there are too many.",
	})}
}

// Accept implements net.Listener.
func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) > l.max {
			l.open.Add(-1)
			l.refused.Inc()
			_ = conn.Close()
			continue
		}
		return &cappedConn{Conn: conn, listener: l}, nil
	}
}

type cappedConn struct {
	net.Conn
	listener *cappedListener
	closed   sync.Once
}

// Close implements net.Conn.
func (c *cappedConn) Close() error {
	c.closed.Do(func() { c.listener.open.Add(-1) })
	return c.Conn.Close()
}
