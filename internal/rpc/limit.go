package rpc

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Limit bounds how many calls a server runs at once. A call beyond it waits for a slot
// in a bounded queue or is shed with RESOURCE_EXHAUSTED, so that admitted calls meet
// their deadline. Unary, client-streaming and server-streaming calls each have slots
// and a queue of their own: in Bookstall these are reads, writes, which wait for a
// database, and the download of the catalogue. Bidirectional streams are long-lived and
// have a limit but no queue. gRPC's own services are not limited.
type Limit struct {
	Concurrent int           // running calls of each kind; 0 for no limit
	Queue      int           // waiting calls of each kind; 0 sheds every call beyond Concurrent
	Wait       time.Duration // longest wait of a call, but at most half of the time its caller has left
	Streams    int           // bidirectional streams; 0 for no limit
	// Connections bounds the open connections; one beyond it is closed at once. 0 means 1,000.
	Connections int
}

// maxUnary is the deadline of a unary call without one, or with a later one.
const maxUnary = 10 * time.Second

// errBusy is the answer to every call that is shed.
var errBusy = status.Error(codes.ResourceExhausted, "the replica is busy")

// Why a call was shed.
var (
	errQueueFull = errors.New("queue is full")
	errWaited    = errors.New("no slot in time")
)

// limiter has slots for running calls and a bounded queue before them, first come,
// first served.
type limiter struct {
	admitted *semaphore.Weighted // a unit for each call that runs or waits
	slots    *semaphore.Weighted // a unit for each call that runs
	wait     time.Duration

	running, waiting atomic.Int64
}

func newLimiter(slots, queue int, wait time.Duration) *limiter {
	return &limiter{
		admitted: semaphore.NewWeighted(int64(slots + queue)),
		slots:    semaphore.NewWeighted(int64(slots)),
		wait:     wait,
	}
}

// acquire blocks until the call may run, and returns how long it waited. If the error
// is nil the caller must release the slot. Otherwise the error is errQueueFull,
// errWaited or that of ctx.
func (l *limiter) acquire(ctx context.Context) (waited time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if !l.admitted.TryAcquire(1) {
		return 0, errQueueFull
	}
	if !l.slots.TryAcquire(1) {
		waited, err = l.queued(ctx)
		if err != nil {
			l.admitted.Release(1)
			return waited, err
		}
	}
	l.running.Add(1)
	return waited, nil
}

// full reports whether no slot is free.
func (l *limiter) full() bool {
	free := l.slots.TryAcquire(1)
	if free {
		l.slots.Release(1)
	}
	return !free
}

// queued waits for a slot.
func (l *limiter) queued(ctx context.Context) (time.Duration, error) {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	bounded, cancel := context.WithTimeout(ctx, l.maxWait(ctx))
	defer cancel()
	began := time.Now()
	err := l.slots.Acquire(bounded, 1)
	waited := time.Since(began)
	if err == nil {
		return waited, nil
	}
	if err := ctx.Err(); err != nil {
		return waited, err
	}
	return waited, errWaited
}

// maxWait bounds the wait of a call. At least half of the time its caller has left is
// kept for the work, or for the refusal to arrive: a caller that gets no answer takes
// the replica for one that hangs.
func (l *limiter) maxWait(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(l.wait, time.Until(deadline)/2)
	}
	return l.wait
}

// release passes the slot to the call that has waited longest.
func (l *limiter) release() {
	l.running.Add(-1)
	l.slots.Release(1)
	l.admitted.Release(1) // last, so that the queue never exceeds its bound
}

// bound is the limiter for one kind of calls, with its metrics.
type bound struct {
	*limiter

	queueFull, waited, gone prometheus.Counter
}

// Values of the label kind.
const (
	kindUnary    = "unary"
	kindUpload   = "upload"
	kindDownload = "download"
	kindStream   = "stream"
)

// bounds are the limits of a server by kind of call; nil for no limit.
type bounds struct {
	unary, upload, download, stream *bound

	cutDeaf func() // makes room for a download
}

func newBounds(cfg Limit, cutDeaf func(), reg prometheus.Registerer) bounds {
	shed := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_shed_total",
		Help: "Calls that did not run, by kind and reason: queue_full and waited (no slot in time) were answered with RESOURCE_EXHAUSTED; gone ended while waiting, by cancellation or deadline.",
	}, []string{"kind", "reason"})
	newBound := func(kind string, slots, queue int, wait time.Duration) *bound {
		if slots == 0 {
			return nil
		}
		b := &bound{
			limiter:   newLimiter(slots, queue, wait),
			queueFull: shed.WithLabelValues(kind, "queue_full"),
			waited:    shed.WithLabelValues(kind, "waited"),
			gone:      shed.WithLabelValues(kind, "gone"),
		}
		gauge := func(name, help string, value *atomic.Int64) {
			promauto.With(reg).NewGaugeFunc(prometheus.GaugeOpts{
				Name: name, Help: help, ConstLabels: prometheus.Labels{"kind": kind},
			}, func() float64 { return float64(value.Load()) })
		}
		promauto.With(reg).NewGauge(prometheus.GaugeOpts{
			Name: "rpc_server_calls_limit", Help: "Calls that may hold a slot at a time, by kind.", ConstLabels: prometheus.Labels{"kind": kind},
		}).Set(float64(slots))
		gauge("rpc_server_calls_running", "Calls that hold a slot, by kind.", &b.running)
		gauge("rpc_server_calls_waiting", "Calls that wait for a slot, by kind.", &b.waiting)
		return b
	}
	return bounds{
		unary:    newBound(kindUnary, cfg.Concurrent, cfg.Queue, cfg.Wait),
		upload:   newBound(kindUpload, cfg.Concurrent, cfg.Queue, cfg.Wait),
		download: newBound(kindDownload, cfg.Concurrent, cfg.Queue, cfg.Wait),
		stream:   newBound(kindStream, cfg.Streams, 0, 0),
		cutDeaf:  cutDeaf,
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

// admit acquires a slot and returns how long the call waited for it. If the error is
// nil the caller must release the slot; otherwise it is for the client.
func (b *bound) admit(ctx context.Context) (time.Duration, error) {
	waited, err := b.acquire(ctx)
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

// waitTrailer carries how long a call waited for a slot, so that the client does not
// take a busy replica for a slow one.
const waitTrailer = "bookstall-queue-wait"

// isOwn reports whether method belongs to a service of Bookstall, and not to health or
// reflection, which are gRPC's own.
func isOwn(method string) bool { return !strings.HasPrefix(method, "/grpc.") }

func (b bounds) limitUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if b.unary == nil || !isOwn(info.FullMethod) {
		return next(ctx, req)
	}
	waited, err := b.unary.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer b.unary.release()
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
	if bound == b.upload {
		u := &upload{ServerStream: ss, bound: bound}
		defer u.release()
		return next(srv, u)
	}
	if bound == b.download && bound.full() {
		b.cutDeaf()
	}
	if _, err := bound.admit(ss.Context()); err != nil {
		return err
	}
	defer bound.release()
	return next(srv, ss)
}

// upload takes its slot with its first message, so that a silent one holds none.
type upload struct {
	grpc.ServerStream
	bound    *bound
	admitted bool
}

// RecvMsg implements grpc.ServerStream.
func (u *upload) RecvMsg(m any) error {
	if err := u.ServerStream.RecvMsg(m); err != nil || u.admitted {
		return err
	}
	_, err := u.bound.admit(u.Context())
	u.admitted = err == nil
	return err
}

func (u *upload) release() {
	if u.admitted {
		u.bound.release()
	}
}

// withDeadline bounds a unary call by maxUnary.
func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= maxUnary {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, maxUnary)
}
