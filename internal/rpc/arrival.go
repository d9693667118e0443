package rpc

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc/metadata"
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
	waiting *list.List  // of *arrival: calls that wait for their first message, the oldest first
	timer   *time.Timer // ends the calls that have waited too long; nil before the first call
	armed   bool        // it will fire
	unread  *list.List  // of *arrival: downloads that wait until their client reads, the longest wait first

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

// arrival is the wait of one call for its next message. It is also the context of the call, and has what the server
// keeps for the call, so that all of it is one allocation.
type arrival struct {
	context.Context

	arrivals   *arrivals
	connection *connection // nil in tests
	header     metadata.MD // not to be changed
	record     record      // of serverStats
	cancel     func()      // ends the call, which the client sees as CANCELED
	unwatch    func() bool // leaves the end of the call unnoticed
	pause      *time.Timer // ends an upload that waits for another message; nil before that

	spawned atomic.Bool // until the call's goroutine runs

	until time.Time     // when the first message must have arrived
	at    *list.Element // in the list of those that wait for it, and has no effect there afterwards
}

type arrivalKey struct{}

// Value implements context.Context.
func (w *arrival) Value(key any) any {
	switch key {
	case arrivalKey{}:
		return w
	case recordKey{}:
		if w.record.method != nil {
			return &w.record
		}
	}
	return w.Context.Value(key)
}

// arrivalOf returns the arrival of a call; nil on a server without a tap.
func arrivalOf(ctx context.Context) *arrival {
	w, _ := ctx.Value(arrivalKey{}).(*arrival)
	return w
}

// headerOf returns the headers of a call, not to be changed, without a copy.
func headerOf(ctx context.Context) metadata.MD {
	if w := arrivalOf(ctx); w != nil {
		return w.header
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return md
}

// tap is called with the headers of each call, before anything else is allocated for it.
func (a *arrivals) tap(ctx context.Context, header metadata.MD) context.Context {
	w := &arrival{arrivals: a, header: header}
	if w.connection, _ = ctx.Value(connectionKey{}).(*connection); w.connection != nil {
		w.connection.spawned <- struct{}{}
		w.spawned.Store(true)
	}
	w.Context, w.cancel = context.WithCancel(ctx)
	a.mu.Lock()
	if a.waiting.Len() >= a.max {
		oldest, _ := a.waiting.Remove(a.waiting.Front()).(*arrival)
		oldest.cancel()
		a.displaced.Inc()
	}
	w.until = time.Now().Add(a.wait)
	w.at = a.waiting.PushBack(w)
	a.arm()
	a.mu.Unlock()
	w.unwatch = context.AfterFunc(w.Context, w.ended)
	return w
}

// arm sets the timer for the call that has waited longest, if one waits. All wait equally long, so that one timer is
// enough, and most calls get their message long before it fires. The caller holds mu.
func (a *arrivals) arm() {
	if a.armed || a.waiting.Len() == 0 {
		return
	}
	a.armed = true
	oldest, _ := a.waiting.Front().Value.(*arrival)
	left := time.Until(oldest.until)
	if a.timer == nil {
		a.timer = time.AfterFunc(left, a.expire)
	} else {
		a.timer.Reset(left)
	}
}

// expire ends the calls whose first message did not come in time.
func (a *arrivals) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for at := a.waiting.Front(); at != nil; at = a.waiting.Front() {
		w, _ := at.Value.(*arrival)
		if w.until.After(now) {
			break
		}
		a.waiting.Remove(at)
		w.expire()
	}
	a.armed = false
	a.arm()
}

// expire ends a call whose message did not come in time.
func (w *arrival) expire() {
	w.arrivals.expired.Inc()
	w.cancel()
}

// ended follows the end of a call whose message has not arrived, or that is an upload.
func (w *arrival) ended() {
	w.runs() // or never will
	w.arrived()
}

// runs makes room for another call of the connection, once the goroutine of this one runs.
func (w *arrival) runs() {
	if w.spawned.Swap(false) {
		<-w.connection.spawned
	}
}

// arrived ends the wait for a message.
func (w *arrival) arrived() {
	w.arrivals.mu.Lock()
	defer w.arrivals.mu.Unlock()
	w.arrivals.waiting.Remove(w.at) // no effect if it has left the list
	if w.pause != nil {
		w.pause.Stop()
	}
}

// await starts the wait for another message.
func (w *arrival) await() {
	w.arrivals.mu.Lock()
	defer w.arrivals.mu.Unlock()
	if w.pause == nil {
		w.pause = time.AfterFunc(w.arrivals.wait, w.expire)
	} else {
		w.pause.Reset(w.arrivals.wait)
	}
}

// messageArrived ends the wait of a call that is not an upload: it waits for its first message alone.
func (w *arrival) messageArrived() {
	w.arrived()
	w.unwatch() // nothing is left to do, for which a goroutine would start
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
