package rpc

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"bookstall/internal/discovery"
)

// attempts follows each attempt of a call to the replica that it goes to, and
// each connection.
type attempts struct {
	ejector  *discovery.Ejector
	replicas *replicas
}

type (
	attemptKey    struct{}
	connectionKey struct{}
)

// attempt is one attempt of a call.
type attempt struct {
	method   string
	stream   atomic.Bool
	sent     atomic.Pointer[sent] // once the replica is known
	answered atomic.Bool          // the replica itself said how it ended
	waited   atomic.Int64         // nanoseconds in the replica's queue
	named    atomic.Value         // string; who the answer says has made it
}

// sent is where an attempt went, and when: before, it may have waited for a
// connection.
type sent struct {
	addr string
	at   time.Time
}

// TagRPC implements stats.Handler.
func (attempts) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, attemptKey{}, &attempt{method: info.FullMethodName})
}

// HandleRPC implements stats.Handler.
func (w attempts) HandleRPC(ctx context.Context, s stats.RPCStats) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.Begin:
		a.stream.Store(s.IsClientStream || s.IsServerStream)
	case *stats.OutHeader:
		addr := addrString(s.RemoteAddr)
		a.sent.Store(&sent{addr, time.Now()})
		w.replicas.picked(addr)
	case *stats.InPayload:
		if answer, ok := s.Payload.(interface{ GetServedBy() string }); ok {
			a.named.Store(answer.GetServedBy())
		}
	case *stats.InTrailer:
		a.answered.Store(true)
		a.waited.Store(int64(queueWait(s.Trailer)))
	case *stats.End:
		if sent := a.sent.Load(); sent != nil {
			w.ended(*sent, a, s)
		} else if status.Code(s.Error) == codes.Unavailable {
			w.ejector.NoneServes()
		}
	}
}

func (w attempts) ended(to sent, a *attempt, s *stats.End) {
	took := s.EndTime.Sub(to.at)
	code := status.Code(s.Error)
	result, says := judge(code, a.answered.Load(), took)
	name, _ := a.named.Load().(string)
	timed := code == codes.OK && !a.stream.Load()
	lost := code == codes.Unavailable // with its connection: bad for that call
	w.replicas.ended(to.addr, outcome{name: name, code: code, bad: lost || says && result != discovery.Good, timed: timed, took: took})
	if !says {
		return
	}
	end := discovery.Ending{Method: a.method, Result: result, Began: to.at}
	if timed { // a busy replica is not a slow one
		end.Took = max(1, took-time.Duration(a.waited.Load()))
	}
	w.ejector.Report(to.addr, end)
}

// judge returns what the end of an attempt says of the replica, if anything.
func judge(code codes.Code, answered bool, took time.Duration) (result discovery.Result, says bool) {
	switch code {
	case codes.DeadlineExceeded:
		return discovery.TimedOut, took >= ejectMinElapsed
	case codes.Unavailable: // by the replica, or by the connection: a new one is being made
		return discovery.Failed, answered
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return discovery.Failed, true
	case codes.Canceled, codes.ResourceExhausted: // by the caller; by too many of them
		return discovery.Good, false
	default:
		return discovery.Good, true
	}
}

// TagConn implements stats.Handler.
func (attempts) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectionKey{}, addrString(info.RemoteAddr))
}

// HandleConn implements stats.Handler.
func (w attempts) HandleConn(ctx context.Context, s stats.ConnStats) {
	addr, _ := ctx.Value(connectionKey{}).(string)
	switch s.(type) {
	case *stats.ConnBegin:
		w.replicas.connected(addr, 1)
	case *stats.ConnEnd:
		w.replicas.connected(addr, -1)
	}
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
