package rpc

import (
	"context"
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/tap"

	"bookstall/internal/listen"
)

// connections counts accepted connections, tells the listener which of them have no calls,
// and bounds the calls of each to the services of gRPC. If the count grows with the number
// of calls, a client opens a connection for each.
type connections struct {
	made     prometheus.Counter
	listener *listen.Capped
}

// capConnections bounds the connections of a listener.
func capConnections(l net.Listener, maxOpen int, reg prometheus.Registerer) *connections {
	cut := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_connections_cut_total",
		Help: "Connections that were closed because there are too many, by reason: idle (without calls longer than all others) or refused (new, while none was idle).",
	}, []string{"reason"})
	for _, reason := range []string{listen.Idle, listen.Refused} {
		cut.WithLabelValues(reason)
	}
	listener := listen.Cap(l, maxOpen, func(reason string) { cut.WithLabelValues(reason).Inc() })
	promauto.With(reg).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rpc_server_connections_open",
		Help: "Connections that clients have now.",
	}, func() float64 { return float64(listener.Open()) })
	return &connections{
		made: promauto.With(reg).NewCounter(prometheus.CounterOpts{
			Name: "rpc_server_connections_total",
			Help: "Connections that clients made.",
		}),
		listener: listener,
	}
}

// connection is what is known of one connection.
type connection struct {
	client   net.Addr
	listener *listen.Capped

	// spawned has a value for each call whose goroutine has not run yet. While it is full, the
	// connection is not read, so that whoever begins thousands of calls at once does not put
	// them all before the calls of others in the queue of Go's scheduler.
	spawned chan struct{}

	mu        sync.Mutex
	calls     int // of Bookstall's services, that run
	other     int // calls of gRPC's own services
	downloads int
}

type connectionKey struct{}

// add counts n more calls. A connection that has none is idle.
func (c *connection) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.calls
	c.calls += n
	if idle := c.calls == 0; idle != (before == 0) {
		c.listener.SetIdle(c.client, idle)
	}
}

// addOther counts a call of a service of gRPC, or returns false if there are enough.
func (c *connection) addOther() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.other == maxOther {
		return false
	}
	c.other++
	return true
}

// addDownload counts a download, or returns false if there are enough.
func (c *connection) addDownload() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.downloads == maxDownloads {
		return false
	}
	c.downloads++
	return true
}

func (c *connection) endDownload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.downloads--
}

func (c *connection) endOther() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.other--
}

// tap refuses a call of a service of gRPC if its connection has enough of them.
func (*connections) tap(ctx context.Context, info *tap.Info) error {
	if isOwn(info.FullMethodName) {
		return nil
	}
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok {
		if !c.addOther() {
			return errBusy
		}
		context.AfterFunc(ctx, c.endOther)
	}
	return nil
}

// TagConn implements a part of stats.Handler.
func (c *connections) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{
		client: info.RemoteAddr, listener: c.listener, spawned: make(chan struct{}, maxSpawned),
	})
}

// HandleConn implements a part of stats.Handler.
func (c *connections) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		c.made.Inc()
	}
}
