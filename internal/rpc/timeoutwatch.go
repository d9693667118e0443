package rpc

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// timeoutWatch tells for each attempt of a call which replica it went to and
// whether it timed out there.
type timeoutWatch struct {
	report func(addr string, timedOut bool)
}

type attemptKey struct{}

// attempt is one attempt of a call.
type attempt struct {
	remote atomic.Value // string; set once the replica is known
}

func (timeoutWatch) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if isHealth(info.FullMethodName) {
		return ctx // the watch of the balancer lives as long as its connection
	}
	return context.WithValue(ctx, attemptKey{}, &attempt{})
}

func (w timeoutWatch) HandleRPC(ctx context.Context, s stats.RPCStats) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.OutHeader:
		a.remote.Store(addrString(s.RemoteAddr))
	case *stats.End:
		addr, ok := a.remote.Load().(string)
		if !ok {
			return // no replica was reached
		}
		switch status.Code(s.Error) {
		case codes.DeadlineExceeded:
			if s.EndTime.Sub(s.BeginTime) >= ejectMinElapsed {
				w.report(addr, true)
			}
		case codes.Canceled, codes.Unavailable: // by the caller, or by the connection: says nothing of the replica
		default:
			w.report(addr, false)
		}
	}
}

func (timeoutWatch) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (timeoutWatch) HandleConn(context.Context, stats.ConnStats) {}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
