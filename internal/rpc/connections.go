package rpc

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc/stats"
)

// connectionCount is a stats.Handler that counts accepted connections. If the count
// grows with the number of calls, a client opens a connection for each.
type connectionCount struct{ made prometheus.Counter }

func newConnectionCount(reg prometheus.Registerer) connectionCount {
	return connectionCount{promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "rpc_server_connections_total",
		Help: "Connections that clients made.",
	})}
}

// TagConn implements stats.Handler.
func (connectionCount) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (c connectionCount) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		c.made.Inc()
	}
}

// TagRPC implements stats.Handler.
func (connectionCount) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (connectionCount) HandleRPC(context.Context, stats.RPCStats) {}
