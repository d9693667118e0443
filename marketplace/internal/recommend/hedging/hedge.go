package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
)

// hedger makes a unary call a second time when its answer is late, takes the first
// answer and cancels the other call. Streams go as they are.
type hedger struct {
	grpc.ClientConnInterface

	// pick returns what the two calls are made over. Over one ClientConn both may
	// reach the same replica: its caller has no say in that.
	pick   func() (first, second grpc.ClientConnInterface)
	late   lateness
	budget budget

	sent atomic.Int64 // second calls
	won  atomic.Int64 // of them, those whose answer was taken
	same atomic.Int64 // of them, those that went to the replica of the first
}

// lateness says when an answer is late.
type lateness interface {
	after() time.Duration
	saw(took time.Duration)
}

// Invoke implements grpc.ClientConnInterface. The first call is made by the
// caller's own goroutine, so that answers in time cost a timer and no more.
func (h *hedger) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	h.budget.earn()
	one, two := h.pick()
	first, endFirst := context.WithCancel(ctx)
	defer endFirst()
	second, endSecond := context.WithCancel(ctx)
	defer endSecond()

	var to peer.Peer // of the first call; read after firstEnded
	firstEnded := make(chan struct{})
	copied := proto.Clone(reply.(proto.Message)) // of the same type
	result := make(chan error, 1)
	timer := time.AfterFunc(h.late.after(), func() {
		if second.Err() != nil || !h.budget.spend() {
			result <- context.Canceled
			return
		}
		h.sent.Add(1)
		var other peer.Peer
		err := two.Invoke(second, method, args, copied, with(opts, &other)...)
		if err == nil {
			endFirst()
		}
		result <- err
		<-firstEnded
		if to.Addr != nil && other.Addr != nil && to.Addr.String() == other.Addr.String() {
			h.same.Add(1)
		}
	})
	began := time.Now()
	err := one.Invoke(first, method, args, reply, with(opts, &to)...)
	close(firstEnded)
	if !timer.Stop() && err != nil && <-result == nil {
		h.won.Add(1)
		proto.Reset(reply.(proto.Message))
		proto.Merge(reply.(proto.Message), copied)
		err = nil
	}
	h.late.saw(time.Since(began))
	return err
}

func with(opts []grpc.CallOption, to *peer.Peer) []grpc.CallOption {
	return append(slices.Clip(opts), grpc.Peer(to))
}

// onlyOver makes both calls over one connection.
func onlyOver(conn grpc.ClientConnInterface) func() (first, second grpc.ClientConnInterface) {
	return func() (first, second grpc.ClientConnInterface) { return conn, conn }
}

// inTurn makes the second call over the connection next to that of the first.
func inTurn(conns []grpc.ClientConnInterface) func() (first, second grpc.ClientConnInterface) {
	var turn atomic.Uint64
	n := uint64(len(conns))
	return func() (first, second grpc.ClientConnInterface) {
		i := turn.Add(1)
		return conns[i%n], conns[(i+1)%n]
	}
}

// budget lets second calls be a share of the first ones at most, and a few at
// once.
type budget struct {
	share, most float64

	mu    sync.Mutex
	saved float64
}

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = min(b.most, b.saved+b.share)
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.saved < 1 {
		return false
	}
	b.saved--
	return true
}

// fixed is always the same.
type fixed time.Duration

func (f fixed) after() time.Duration { return time.Duration(f) }
func (fixed) saw(time.Duration)      {}

const (
	recentCalls  = 1000
	recentChange = 100 // calls between two looks at them
)

// recent is a quantile of the last calls.
type recent struct {
	quantile float64

	now  atomic.Int64 // what after returns
	mu   sync.Mutex
	took []time.Duration
	seen int
}

func newRecent(quantile float64, atFirst time.Duration) *recent {
	r := &recent{quantile: quantile}
	r.now.Store(int64(atFirst))
	return r
}

func (r *recent) after() time.Duration { return time.Duration(r.now.Load()) }

func (r *recent) saw(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.took) < recentCalls {
		r.took = append(r.took, took)
	} else {
		r.took[r.seen%recentCalls] = took
	}
	if r.seen++; r.seen%recentChange == 0 {
		r.now.Store(int64(quantile(slices.Sorted(slices.Values(r.took)), r.quantile)))
	}
}

// quantile returns the value that a share q of a sorted list does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}
