package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"
)

// arrivals bounds the calls whose first message has not arrived: how many there are, and
// for how long. Such a call has memory for headers and for a part of a message, and no
// other limit sees it, because a handler starts with a whole message.
type arrivals struct {
	max  int64
	wait time.Duration

	open             atomic.Int64
	refused, expired prometheus.Counter
}

func newArrivals(maxOpen int, wait time.Duration, reg prometheus.Registerer) *arrivals {
	ended := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_messages_missing_total",
		Help: "Calls that ended for want of a message, by reason: refused (too many calls wait for their first) or expired (it did not come in time).",
	}, []string{"reason"})
	return &arrivals{max: int64(maxOpen), wait: wait, refused: ended.WithLabelValues("refused"), expired: ended.WithLabelValues("expired")}
}

// arrival is the wait of one call for its next message.
type arrival struct {
	arrivals *arrivals
	timer    *time.Timer // ends the call, which the client sees as CANCELED
	first    sync.Once   // the first message has arrived, or the call has ended
}

type arrivalKey struct{}

// tap is called with the headers of each call, before anything else is allocated for it.
func (a *arrivals) tap(ctx context.Context, _ *tap.Info) (context.Context, error) {
	if a.open.Add(1) > a.max {
		a.open.Add(-1)
		a.refused.Inc()
		return ctx, errBusy
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &arrival{arrivals: a}
	w.timer = time.AfterFunc(a.wait, func() {
		a.expired.Inc()
		cancel()
	})
	context.AfterFunc(ctx, w.arrived)
	return context.WithValue(ctx, arrivalKey{}, w), nil
}

// arrived ends the wait for a message.
func (w *arrival) arrived() {
	w.timer.Stop()
	w.first.Do(func() { w.arrivals.open.Add(-1) })
}

// await starts the wait for another message.
func (w *arrival) await() { w.timer.Reset(w.arrivals.wait) }

func (a *arrivals) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if w, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		w.arrived()
	}
	return next(ctx, req)
}

func (a *arrivals) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	w, ok := ss.Context().Value(arrivalKey{}).(*arrival)
	if !ok {
		return next(srv, ss)
	}
	return next(srv, &arriving{WrappedServerStream: middleware.WrapServerStream(ss), arrival: w, upload: !info.IsServerStream})
}

// arriving is a stream whose messages must arrive in time: the first one, and each one of an
// upload, which holds a slot as long as it lasts.
type arriving struct {
	*middleware.WrappedServerStream
	arrival  *arrival
	upload   bool
	received bool
}

// RecvMsg implements grpc.ServerStream.
func (s *arriving) RecvMsg(m any) error {
	if s.received && s.upload {
		s.arrival.await()
	}
	err := s.WrappedServerStream.RecvMsg(m)
	s.received = true
	s.arrival.arrived()
	return err
}
