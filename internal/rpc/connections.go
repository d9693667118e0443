package rpc

import (
	"context"
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"bookstall/internal/listen"
)

// connections is a stats.Handler that counts accepted connections, and interceptors that
// tell the listener which of them have no calls. If the count grows with the number of
// calls, a client opens a connection for each.
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
	return &connections{
		made: promauto.With(reg).NewCounter(prometheus.CounterOpts{
			Name: "rpc_server_connections_total",
			Help: "Connections that clients made.",
		}),
		listener: listen.Cap(l, maxOpen, func(reason string) { cut.WithLabelValues(reason).Inc() }),
	}
}

// connection is what is known of one connection.
type connection struct {
	client   net.Addr
	listener *listen.Capped

	mu      sync.Mutex
	calls   int // of Bookstall's services, that run
	streams int // of gRPC's own services
}

type connectionKey struct{}

// add counts n more calls. A connection that has none is idle.
func (c *connection) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls += n
	c.listener.SetIdle(c.client, c.calls == 0)
}

// addStream counts a stream of a service of gRPC, or returns false if there are enough.
func (c *connection) addStream() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams == maxOtherStreams {
		return false
	}
	c.streams++
	return true
}

func (c *connection) endStream() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams--
}

func unaryConnection(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok && isOwn(info.FullMethod) {
		c.add(1)
		defer c.add(-1)
	}
	return next(ctx, req)
}

func streamConnection(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	switch c, ok := ss.Context().Value(connectionKey{}).(*connection); {
	case !ok:
	case isOwn(info.FullMethod):
		c.add(1)
		defer c.add(-1)
	case !c.addStream():
		return errBusy
	default:
		defer c.endStream()
	}
	return next(srv, ss)
}

// TagConn implements stats.Handler.
func (c *connections) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{client: info.RemoteAddr, listener: c.listener})
}

// HandleConn implements stats.Handler.
func (c *connections) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		c.made.Inc()
	}
}

// TagRPC implements stats.Handler.
func (*connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (*connections) HandleRPC(context.Context, stats.RPCStats) {}
