package rpc

import (
	"container/list"
	"context"
	"sync"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
)

// arrivals bounds the calls whose first message has not arrived: how many there are, and
// for how long. Such a call has memory for headers and for a part of a message, and no
// other limit sees it, because a handler starts with a whole message. Beyond the bound the
// oldest is ended, so that whoever opens many does not keep others out: a message comes
// right after its headers.
//
// It also bounds how long a stream waits for a client that does not read.
type arrivals struct {
	max  int
	wait time.Duration

	mu      sync.Mutex
	waiting *list.List // of *arrival, the oldest first

	displaced, expired, unread prometheus.Counter
}

func newArrivals(maxWaiting int, wait time.Duration, reg prometheus.Registerer) *arrivals {
	ended := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_stalled_total",
		Help: "Calls that ended because their client sent or read too slowly, by reason: displaced (too many calls waited for their first message), expired (a message did not come in time) or unread (an answer was not read in time).",
	}, []string{"reason"})
	return &arrivals{
		max: maxWaiting, wait: wait, waiting: list.New(),
		displaced: ended.WithLabelValues("displaced"), expired: ended.WithLabelValues("expired"), unread: ended.WithLabelValues("unread"),
	}
}

// arrival is the wait of one call for its next message.
type arrival struct {
	arrivals *arrivals
	timer    *time.Timer   // ends the call, which the client sees as CANCELED
	cancel   func()        // ends the call
	at       *list.Element // nil once the first message has arrived, or the call has ended
}

type arrivalKey struct{}

// tap is called with the headers of each call, before anything else is allocated for it.
func (a *arrivals) tap(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	w := &arrival{arrivals: a, cancel: cancel}
	a.mu.Lock()
	if a.waiting.Len() >= a.max {
		oldest, _ := a.waiting.Remove(a.waiting.Front()).(*arrival)
		oldest.at = nil
		oldest.cancel()
		a.displaced.Inc()
	}
	w.at = a.waiting.PushBack(w)
	a.mu.Unlock()
	w.timer = time.AfterFunc(a.wait, func() {
		a.expired.Inc()
		cancel()
	})
	context.AfterFunc(ctx, w.arrived)
	return context.WithValue(ctx, arrivalKey{}, w)
}

// arrived ends the wait for a message.
func (w *arrival) arrived() {
	w.timer.Stop()
	w.arrivals.mu.Lock()
	defer w.arrivals.mu.Unlock()
	if w.at != nil {
		w.arrivals.waiting.Remove(w.at)
		w.at = nil
	}
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
// upload, which holds a slot as long as it lasts. Its answers must be read in time.
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

// SendMsg implements grpc.ServerStream. It waits once a client reads nothing more.
func (s *arriving) SendMsg(m any) error {
	timer := time.AfterFunc(s.arrival.arrivals.wait, func() {
		s.arrival.arrivals.unread.Inc()
		s.arrival.cancel()
	})
	defer timer.Stop()
	return s.WrappedServerStream.SendMsg(m)
}
