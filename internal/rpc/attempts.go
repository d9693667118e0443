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

// attempts is a stats.Handler that reports each attempt of a call, and each connection,
// to the ejector and to the list of replicas.
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
	sent     atomic.Pointer[sent] // nil until the replica is known
	answered atomic.Bool          // the status came from the replica itself
	waited   atomic.Int64         // nanoseconds in the replica's queue
	servedBy atomic.Value         // string: the replica's name in the answer
}

// sent is the replica an attempt was sent to, and when. The time before, in which the
// attempt may have waited for a connection, does not count.
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
			a.servedBy.Store(answer.GetServedBy())
		}
	case *stats.InTrailer:
		a.answered.Store(true)
		a.waited.Store(int64(queueWait(s.Trailer)))
	case *stats.End:
		if sent := a.sent.Load(); sent != nil {
			w.ended(*sent, a, s)
		} else if status.Code(s.Error) == codes.Unavailable {
			w.ejector.ReadmitAll()
		}
	}
}

func (w attempts) ended(to sent, a *attempt, s *stats.End) {
	took := s.EndTime.Sub(to.at)
	code := status.Code(s.Error)
	result, counts := judge(code, a.answered.Load(), took)
	name, _ := a.servedBy.Load().(string)
	timed := code == codes.OK && !a.stream.Load()
	lost := code == codes.Unavailable // the connection broke, or the replica refused
	w.replicas.ended(to.addr, outcome{name: name, code: code, bad: lost || counts && result != discovery.Good, timed: timed, took: took})
	if !counts {
		return
	}
	o := discovery.Outcome{Method: a.method, Result: result, Began: to.at}
	if timed { // without the time in the queue: a busy replica is not a slow one
		o.Took = max(1, took-time.Duration(a.waited.Load()))
	}
	w.ejector.Report(to.addr, o)
}

// judge returns what the status of an attempt says about the replica; counts is false
// if it says nothing.
func judge(code codes.Code, answered bool, took time.Duration) (result discovery.Result, counts bool) {
	switch code {
	case codes.DeadlineExceeded:
		return discovery.TimedOut, took >= ejectMinElapsed
	case codes.Unavailable: // counts if the replica said so; a broken connection is replaced anyway
		return discovery.Failed, answered
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return discovery.Failed, true
	case codes.Canceled, codes.ResourceExhausted: // the caller cancelled; the load is too high
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
