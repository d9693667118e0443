package rpc

import (
	"container/list"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Limit bounds what a server takes on: what is beyond is refused with
// RESOURCE_EXHAUSTED at once or soon, so that what is taken on is done in time.
// Unary calls have places of their own, and so have calls whose client streams
// and gets one answer, and those whose server does and had one question: writes that
// wait for a database leave reads alone, and long-lived streams leave catalogues.
type Limit struct {
	Concurrent int           // calls of each kind at a time; 0 for any number of them
	Queue      int           // calls of each kind that wait for a place
	Wait       time.Duration // how long one of them does at most
	Streams    int           // all other streams, which are long-lived and do not wait; 0 for any number
}

// maxUnary is how long a unary call may take whose caller would wait longer, or
// for ever.
const maxUnary = 10 * time.Second

// errBusy is the one answer to calls that are refused.
var errBusy = status.Error(codes.ResourceExhausted, "the replica is busy")

// Why a call was not begun, besides that its caller has gone.
var (
	errQueueFull = errors.New("too many calls wait")
	errWaited    = errors.New("no place in time")
)

// limiter hands out places, first come, first served.
type limiter struct {
	places int
	queue  int
	wait   time.Duration

	mu      sync.Mutex
	running int
	waiting list.List // of chan struct{}, which is closed when its place is there
}

// take returns nil when the call may begin, and must give its place back, and how
// long it has waited. Otherwise the error is errQueueFull, errWaited or that of ctx.
func (l *limiter) take(ctx context.Context) (waited time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	if l.running < l.places { // then nobody waits
		l.running++
		l.mu.Unlock()
		return 0, nil
	}
	if l.waiting.Len() >= l.queue {
		l.mu.Unlock()
		return 0, errQueueFull
	}
	place := make(chan struct{})
	turn := l.waiting.PushBack(place)
	l.mu.Unlock()

	began := time.Now()
	timer := time.NewTimer(l.patience(ctx))
	defer timer.Stop()
	select {
	case <-place:
	case <-timer.C:
		err = errWaited
	case <-ctx.Done():
		err = ctx.Err()
	}
	waited = time.Since(began)
	if err != nil && l.leave(turn) {
		return waited, err
	}
	if err := ctx.Err(); err != nil { // the place came too late
		l.give()
		return waited, err
	}
	return waited, nil
}

// patience is how long a call may wait. At least half of the time that its caller
// has left is for the work, or for hearing that there is no place: a caller who
// hears nothing takes the replica for one that hangs.
func (l *limiter) patience(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(l.wait, time.Until(deadline)/2)
	}
	return l.wait
}

// leave ends the wait of a call, unless its place came at that very moment.
func (l *limiter) leave(turn *list.Element) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-turn.Value.(chan struct{}):
		return false
	default:
		l.waiting.Remove(turn)
		return true
	}
}

// give hands a place to the call that has waited longest.
func (l *limiter) give() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.waiting.Front(); first != nil {
		close(l.waiting.Remove(first).(chan struct{}))
		return
	}
	l.running--
}

func (l *limiter) load() (running, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running, l.waiting.Len()
}

// bound is a limiter for one kind of calls, with its metrics.
type bound struct {
	limiter

	queueFull, waited, gone prometheus.Counter
}

// Values of the label kind.
const (
	kindUnary    = "unary"
	kindUpload   = "upload"
	kindDownload = "download"
	kindStream   = "stream"
)

// bounds are those of a server, by kind; nil where there is none.
type bounds struct{ unary, upload, download, stream *bound }

func newBounds(cfg Limit, reg prometheus.Registerer) bounds {
	shed := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_shed_total",
		Help: "Calls that were not begun, by kind and reason: queue_full and waited (no place in time) got RESOURCE_EXHAUSTED, the callers of gone did not wait for their turn.",
	}, []string{"kind", "reason"})
	newBound := func(kind string, places, queue int, wait time.Duration) *bound {
		if places == 0 {
			return nil
		}
		b := &bound{
			limiter:   limiter{places: places, queue: queue, wait: wait},
			queueFull: shed.WithLabelValues(kind, "queue_full"),
			waited:    shed.WithLabelValues(kind, "waited"),
			gone:      shed.WithLabelValues(kind, "gone"),
		}
		gauge := func(name, help string, value func(running, waiting int) int) {
			promauto.With(reg).NewGaugeFunc(prometheus.GaugeOpts{
				Name: name, Help: help, ConstLabels: prometheus.Labels{"kind": kind},
			}, func() float64 { return float64(value(b.load())) })
		}
		gauge("rpc_server_calls_running", "Calls that have a place, by kind.", func(running, _ int) int { return running })
		gauge("rpc_server_calls_waiting", "Calls that wait for a place, by kind.", func(_, waiting int) int { return waiting })
		return b
	}
	return bounds{
		unary:    newBound(kindUnary, cfg.Concurrent, cfg.Queue, cfg.Wait),
		upload:   newBound(kindUpload, cfg.Concurrent, cfg.Queue, cfg.Wait),
		download: newBound(kindDownload, cfg.Concurrent, cfg.Queue, cfg.Wait),
		stream:   newBound(kindStream, cfg.Streams, 0, 0),
	}
}

// of returns the bound for a stream.
func (b bounds) of(info *grpc.StreamServerInfo) *bound {
	switch {
	case !info.IsServerStream:
		return b.upload
	case !info.IsClientStream:
		return b.download
	default:
		return b.stream
	}
}

// admit returns nil when a call may begin, and must give its place back, and how
// long it has waited.
func (b *bound) admit(ctx context.Context) (time.Duration, error) {
	waited, err := b.take(ctx)
	switch {
	case err == nil:
		return waited, nil
	case errors.Is(err, errQueueFull):
		b.queueFull.Inc()
		return waited, errBusy
	case errors.Is(err, errWaited):
		b.waited.Inc()
		return waited, errBusy
	default:
		b.gone.Inc()
		return waited, err
	}
}

// waitTrailer tells the caller how long its call has waited for a place, so that a
// replica that is busy is not taken for one that is slow.
const waitTrailer = "bookstall-queue-wait"

// queueWait returns what a server says of it; 0 if it says nothing.
func queueWait(trailer metadata.MD) time.Duration {
	for _, text := range trailer.Get(waitTrailer) {
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return d
		}
	}
	return 0
}

// isOwn reports whether method is of a service of ours; health and reflection are
// gRPC's own.
func isOwn(method string) bool { return !strings.HasPrefix(method, "/grpc.") }

func (b bounds) limitUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if b.unary == nil || !isOwn(info.FullMethod) {
		return next(ctx, req)
	}
	waited, err := b.unary.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer b.unary.give()
	if waited > 0 {
		if err := grpc.SetTrailer(ctx, metadata.Pairs(waitTrailer, waited.String())); err != nil {
			return nil, err
		}
	}
	return next(ctx, req)
}

func (b bounds) limitStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	bound := b.of(info)
	if bound == nil || !isOwn(info.FullMethod) {
		return next(srv, ss)
	}
	if _, err := bound.admit(ss.Context()); err != nil {
		return err
	}
	defer bound.give()
	return next(srv, ss)
}

// unaryDeadline gives calls an end that have none.
func unaryDeadline(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > maxUnary {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxUnary)
		defer cancel()
	}
	return next(ctx, req)
}
