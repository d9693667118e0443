package rpc

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
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
	unread  *list.List // of *arrival: downloads that wait until their client reads, the longest wait first

	displaced, expired, deaf prometheus.Counter
}

func newArrivals(maxWaiting int, wait time.Duration, reg prometheus.Registerer) *arrivals {
	ended := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_stalled_total",
		Help: "Calls that ended because their client sent or read too slowly, by reason: displaced (too many calls waited for their first message), expired (a message did not come in time) or unread (an answer was not read in time, or another download waited for the slot).",
	}, []string{"reason"})
	return &arrivals{
		max: maxWaiting, wait: wait, waiting: list.New(), unread: list.New(),
		displaced: ended.WithLabelValues("displaced"), expired: ended.WithLabelValues("expired"), deaf: ended.WithLabelValues("unread"),
	}
}

// arrival is the wait of one call for its next message.
type arrival struct {
	arrivals *arrivals
	timer    *time.Timer   // ends the call, which the client sees as CANCELED
	cancel   func()        // ends the call
	unwatch  func() bool   // leaves the end of the call unnoticed
	at       *list.Element // nil once the first message has arrived, or the call has ended

	spawned atomic.Pointer[connection] // nil once the call's goroutine runs
}

type arrivalKey struct{}

// tap is called with the headers of each call, before anything else is allocated for it.
func (a *arrivals) tap(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	w := &arrival{arrivals: a, cancel: cancel}
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok {
		c.spawned <- struct{}{}
		w.spawned.Store(c)
	}
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
	w.unwatch = context.AfterFunc(ctx, func() {
		w.runs() // or never will
		w.arrived()
	})
	return context.WithValue(ctx, arrivalKey{}, w)
}

// runs notes that the goroutine of a call runs.
func runs(ctx context.Context) {
	if w, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		w.runs()
	}
}

// runs makes room for another call of the connection, once the goroutine of this one runs.
func (w *arrival) runs() {
	if c := w.spawned.Swap(nil); c != nil {
		<-c.spawned
	}
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

// messageArrived ends the wait of a unary call, which has one message.
func messageArrived(ctx context.Context) {
	if w, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		w.arrived()
		w.unwatch() // nothing is left to do, for which a goroutine would start
	}
}

func (a *arrivals) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	w, ok := ss.Context().Value(arrivalKey{}).(*arrival)
	if !ok {
		return next(srv, ss)
	}
	return next(srv, &arriving{WrappedServerStream: middleware.WrapServerStream(ss), arrival: w, upload: !info.IsServerStream, download: !info.IsClientStream})
}

// arriving is a stream whose messages must arrive in time: the first one, and each one of an
// upload, which holds a slot as long as it lasts. Its answers must be read in time.
type arriving struct {
	*middleware.WrappedServerStream
	arrival  *arrival
	upload   bool
	download bool
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
	a := s.arrival.arrivals
	timer := time.AfterFunc(a.wait, func() {
		a.deaf.Inc()
		s.arrival.cancel()
	})
	defer timer.Stop()
	if s.download {
		a.mu.Lock()
		at := a.unread.PushBack(s.arrival)
		a.mu.Unlock()
		defer func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.unread.Remove(at) // no effect after cutDeaf
		}()
	}
	return s.WrappedServerStream.SendMsg(m)
}

// cutDeaf ends the download whose client has read nothing for longest, if there is one that
// waits for its client, so that clients that do not read keep the catalogue from nobody.
func (a *arrivals) cutDeaf() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if longest := a.unread.Front(); longest != nil {
		w, _ := a.unread.Remove(longest).(*arrival)
		w.cancel()
		a.deaf.Inc()
	}
}
