package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/internal/fault"
	"bookstall/internal/telemetry"
)

// wantLoad checks how many calls hold a slot, and how many wait for one.
func wantLoad(t *testing.T, l *limiter, running, waiting int64) {
	t.Helper()
	if r, w := l.running.Load(), l.waiting.Load(); r != running || w != waiting {
		t.Errorf("%d running and %d waiting, want %d and %d", r, w, running, waiting)
	}
}

// wantEmpty checks that no call runs or waits, and that nothing is left acquired.
func wantEmpty(t *testing.T, l *limiter, slots, queue int64) {
	t.Helper()
	wantLoad(t, l, 0, 0)
	if !l.slots.TryAcquire(slots) || !l.admitted.TryAcquire(slots+queue) {
		t.Error("a slot or a place in the queue was not released")
	}
}

func TestSlotsAreGivenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1, 3, time.Minute)
		if _, err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 3 {
			go func() {
				if _, err := l.acquire(t.Context()); err != nil {
					t.Error(err)
				}
				order = append(order, i) // no race: there is one slot
				time.Sleep(time.Second)
				l.release()
			}()
			synctest.Wait() // it is in the queue
		}
		wantLoad(t, l, 1, 3)
		if _, err := l.acquire(t.Context()); !errors.Is(err, errQueueFull) {
			t.Errorf("fourth waiting call: %v, want errQueueFull", err)
		}
		l.release()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("order %v", order)
		}
		wantEmpty(t, l, 1, 3)
	})
}

func TestACallThatGivesUpLeavesTheQueue(t *testing.T) {
	for name, tc := range map[string]struct {
		left   time.Duration // time until the caller's deadline; 0 for none
		cancel time.Duration // time until the caller cancels; 0 for never
		want   error
		after  time.Duration
	}{
		"no slot in time":                        {want: errWaited, after: 100 * time.Millisecond},
		"half of the time the caller has left":   {left: 60 * time.Millisecond, want: errWaited, after: 30 * time.Millisecond},
		"a caller with a later deadline":         {left: time.Minute, want: errWaited, after: 100 * time.Millisecond},
		"the caller cancels":                     {cancel: 20 * time.Millisecond, want: context.Canceled, after: 20 * time.Millisecond},
		"the caller cancels before its deadline": {left: 80 * time.Millisecond, cancel: 20 * time.Millisecond, want: context.Canceled, after: 20 * time.Millisecond},
		"the deadline has passed":                {left: -time.Millisecond, want: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(1, 1, 100*time.Millisecond)
				if _, err := l.acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.left != 0 {
					ctx, cancel = context.WithTimeout(ctx, tc.left)
					defer cancel()
				}
				if tc.cancel != 0 {
					time.AfterFunc(tc.cancel, cancel)
				}
				began := time.Now()
				if _, err := l.acquire(ctx); !errors.Is(err, tc.want) || time.Since(began) != tc.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(began), tc.want, tc.after)
				}
				wantLoad(t, l, 1, 0)
				l.release()
				wantEmpty(t, l, 1, 1)
			})
		})
	}
}

// A slot that becomes free for a call that has just been cancelled goes to the next.
func TestASlotForACancelledCallGoesToTheNext(t *testing.T) {
	for range 100 { // the cancelled call sees its slot first, or its cancellation
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(1, 2, time.Minute)
			if _, err := l.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancelled, next := make(chan error, 1), make(chan error, 1)
			go func() { _, err := l.acquire(ctx); cancelled <- err }()
			synctest.Wait()
			go func() { _, err := l.acquire(t.Context()); next <- err }()
			synctest.Wait()
			cancel()
			l.release()
			if err := <-cancelled; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled call: %v, want Canceled", err)
			}
			if err := <-next; err != nil {
				t.Errorf("next call: %v, want no error", err)
			}
			wantLoad(t, l, 1, 0)
			l.release()
			wantEmpty(t, l, 1, 2)
		})
	}
}

// TestNoSlotIsLost has callers that arrive, wait, give up and leave at random moments.
func TestNoSlotIsLost(t *testing.T) {
	const slots = 3
	l := newLimiter(slots, 8, 200*time.Microsecond)
	var running, most, served, refused atomic.Int64
	var callers sync.WaitGroup
	for c := range 32 {
		callers.Go(func() {
			for i := range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration((c*7+i*13)%500)*time.Microsecond)
				if _, err := l.acquire(ctx); err != nil {
					refused.Add(1)
				} else {
					n := running.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					for end := time.Now().Add(50 * time.Microsecond); time.Now().Before(end); {
					}
					served.Add(1)
					running.Add(-1)
					l.release()
				}
				cancel()
			}
		})
	}
	callers.Wait()
	t.Logf("%d served, %d refused", served.Load(), refused.Load())
	if most.Load() > slots || served.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d at a time, want at most %d; %d served, %d refused", most.Load(), slots, served.Load(), refused.Load())
	}
	wantEmpty(t, l, slots, 8)
}

func BenchmarkAFreeSlot(b *testing.B) {
	bounds := newBounds(Limit{Concurrent: 256, Queue: 256, Wait: time.Second}, func() {}, prometheus.NewRegistry())
	info := &grpc.UnaryServerInfo{FullMethod: testMethod}
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	next := func(context.Context, any) (any, error) { return nil, nil }
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := bounds.limitUnary(ctx, nil, info, next); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// limitedReplica starts a replica with a limit, and with faults that the test sets.
func limitedReplica(t *testing.T, limit Limit) (r *replica, faults *fault.Faults, tel *telemetry.Telemetry) {
	t.Helper()
	r, err := startReplica(t, func(cfg *ServerConfig) {
		faults = fault.New(fault.Config{Readiness: cfg.Readiness, Health: true, Log: cfg.Telemetry.Log})
		cfg.Faults, cfg.Limit, tel = faults, limit, cfg.Telemetry
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, faults, tel
}

// capacity measures how many calls a second are answered when some always wait but
// none is shed.
func capacity(t *testing.T, conn *grpc.ClientConn, callers int) float64 {
	t.Helper()
	var served atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for time.Since(began) < time.Second {
				if err := call(conn, 5*time.Second); err != nil {
					t.Error(err)
				}
				served.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(served.Load()) / time.Since(began).Seconds()
}

// TestOverload calls in an open loop, at ten times the rate the replica can bear.
// Its throughput must stay what it is without the overload, its answers must be in
// time, and so must the refusals.
func TestOverload(t *testing.T) {
	const (
		service   = 100 * time.Millisecond // long, so that the load generator itself needs little CPU
		slots     = 2
		rate      = 10 * slots * float64(time.Second/service) // calls a second
		lasts     = 3 * time.Second
		slack     = 400 * time.Millisecond // allowance for a busy machine
		queueWait = 150 * time.Millisecond
	)
	r, faults, tel := limitedReplica(t, Limit{Concurrent: slots, Queue: 2 * slots, Wait: queueWait})
	faults.Change(fault.Set{Delay: fault.Duration(service)})
	conn := plainConn(t, r)

	bearable := capacity(t, conn, slots+1)
	var mu sync.Mutex
	took := map[codes.Code][]time.Duration{}
	var calls sync.WaitGroup
	began := time.Now()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		if due.Sub(began) >= lasts {
			break
		}
		time.Sleep(time.Until(due))
		calls.Go(func() {
			start := time.Now()
			err := call(conn, 5*time.Second)
			mu.Lock()
			defer mu.Unlock()
			took[status.Code(err)] = append(took[status.Code(err)], time.Since(start))
		})
	}
	calls.Wait()
	for _, code := range []codes.Code{codes.OK, codes.ResourceExhausted} {
		if len(took[code]) == 0 {
			t.Fatalf("no call ended with %v; want calls answered with OK, and calls shed with ResourceExhausted", code)
		}
	}
	full := float64(len(took[codes.OK])) / time.Since(began).Seconds()
	t.Logf("served %.0f/s of %.0f/s asked, %.0f %% of the capacity of %.0f/s; slowest %v; refused %d, slowest %v", full, rate, 100*full/bearable, bearable,
		slices.Max(took[codes.OK]), len(took[codes.ResourceExhausted]), slices.Max(took[codes.ResourceExhausted]))
	if full < 0.8*bearable {
		t.Errorf("%.0f calls a second, want at least %.0f", full, 0.8*bearable)
	}
	for code, limit := range map[codes.Code]time.Duration{
		codes.OK: queueWait + service + slack, codes.ResourceExhausted: queueWait + slack,
	} {
		if slowest := slices.Max(took[code]); slowest > limit {
			t.Errorf("%v after %v, want %v at most", code, slowest, limit)
		}
		delete(took, code)
	}
	for code, list := range took {
		t.Errorf("%d calls ended with %v", len(list), code)
	}

	faults.Change(fault.Set{})
	for range 20 {
		if err := call(conn, slack); err != nil {
			t.Errorf("call after the overload: %v, want no error", err)
		}
	}
	if n, err := testutil.GatherAndCount(tel.Registry, "rpc_server_shed_total"); err != nil || n == 0 {
		t.Errorf("rpc_server_shed_total: %d, %v", n, err)
	}
	if problems, err := testutil.GatherAndLint(tel.Registry, "rpc_server_shed_total", "rpc_server_calls_running", "rpc_server_calls_waiting"); err != nil || len(problems) > 0 {
		t.Errorf("names: %v %v", problems, err)
	}
}

// TestACallCancelledInTheQueueNeverRuns fills the only slot, and cancels a call that
// waits for it.
func TestACallCancelledInTheQueueNeverRuns(t *testing.T) {
	r, _, tel := limitedReplica(t, Limit{Concurrent: 1, Queue: 1, Wait: time.Minute})
	entered, release := make(chan struct{}, 2), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	r.answer(func(_ context.Context, in string) (string, error) {
		entered <- struct{}{}
		<-release
		return in, nil
	})
	conn := plainConn(t, r)
	first := make(chan error, 1)
	go func() { first <- call(conn, 10*time.Second) }()
	<-entered
	ctx, leave := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, err := invoke(ctx, conn)
		second <- err
	}()
	waiting := func(n string) func() bool {
		return func() bool {
			return testutil.GatherAndCompare(tel.Registry, strings.NewReader(`
# HELP rpc_server_calls_waiting Calls that wait for a slot, by kind.
# TYPE rpc_server_calls_waiting gauge
rpc_server_calls_waiting{kind="download"} 0
rpc_server_calls_waiting{kind="unary"} `+n+`
rpc_server_calls_waiting{kind="upload"} 0
`), "rpc_server_calls_waiting") == nil
		}
	}
	waitFor(t, "the second call waits", waiting("1"))
	if err := call(conn, time.Second); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "the replica is busy") {
		t.Errorf("third call: %v, want ResourceExhausted from a busy replica", err)
	}
	if err := CheckHealth(t.Context(), r.Addr().String(), testService); err != nil {
		t.Errorf("health of a busy replica: %v, want SERVING", err)
	}
	leave()
	if err := <-second; status.Code(err) != codes.Canceled {
		t.Errorf("cancelled call: %v, want Canceled", err)
	}
	waitFor(t, "the second call left the queue", waiting("0"))
	letGo()
	if err := <-first; err != nil {
		t.Errorf("first call: %v, want no error", err)
	}
	if n := r.calls.Load(); n != 1 {
		t.Errorf("%d calls ran, want 1", n)
	}
	if err := testutil.GatherAndCompare(tel.Registry, strings.NewReader(`
# HELP rpc_server_shed_total Calls that did not run, by kind and reason: queue_full and waited (no slot in time) were answered with RESOURCE_EXHAUSTED; gone ended while waiting, by cancellation or deadline.
# TYPE rpc_server_shed_total counter
rpc_server_shed_total{kind="download",reason="gone"} 0
rpc_server_shed_total{kind="download",reason="queue_full"} 0
rpc_server_shed_total{kind="download",reason="waited"} 0
rpc_server_shed_total{kind="unary",reason="gone"} 1
rpc_server_shed_total{kind="unary",reason="queue_full"} 1
rpc_server_shed_total{kind="unary",reason="waited"} 0
rpc_server_shed_total{kind="upload",reason="gone"} 0
rpc_server_shed_total{kind="upload",reason="queue_full"} 0
rpc_server_shed_total{kind="upload",reason="waited"} 0
`), "rpc_server_shed_total"); err != nil {
		t.Error(err)
	}
}

// stream is a server stream without messages.
type stream struct {
	grpc.ServerStream

	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func (s stream) RecvMsg(any) error { return nil }

// Each kind of call has slots of its own; gRPC's own services need none.
func TestKindsDoNotTakeEachOthersSlots(t *testing.T) {
	b := newBounds(Limit{Concurrent: 1, Streams: 1}, func() {}, prometheus.NewRegistry())
	kinds := map[string]func(method string, do func()) error{
		"unary": func(method string, do func()) error {
			_, err := b.limitUnary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) {
				do()
				return nil, nil
			})
			return err
		},
	}
	for name, info := range map[string]grpc.StreamServerInfo{
		"upload": {IsClientStream: true}, "download": {IsServerStream: true}, "stream": {IsClientStream: true, IsServerStream: true},
	} {
		kinds[name] = func(method string, do func()) error {
			info.FullMethod = method
			return b.limitStream(nil, stream{ctx: t.Context()}, &info, func(_ any, ss grpc.ServerStream) error {
				if err := ss.RecvMsg(nil); err != nil { // an upload takes its slot with its first message
					return err
				}
				do()
				return nil
			})
		}
	}
	nothing := func() {}
	for name, hold := range kinds {
		if err := hold(testMethod, func() {
			for other, try := range kinds {
				err := try(testMethod, nothing)
				if other == name && status.Code(err) != codes.ResourceExhausted || other != name && err != nil {
					t.Errorf("%s while there is a %s: %v", other, name, err)
				}
				if err := try("/grpc.health.v1.Health/Check", nothing); err != nil {
					t.Errorf("health, %s, while there is a %s: %v", other, name, err)
				}
			}
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The server gives a call without a deadline one, and keeps a caller's own.
func TestEveryCallHasADeadline(t *testing.T) {
	r := oneReplica(t)
	left := make(chan time.Duration, 1)
	r.answer(func(ctx context.Context, in string) (string, error) {
		deadline, ok := ctx.Deadline()
		if !ok {
			t.Error("no deadline")
		}
		left <- time.Until(deadline)
		return in, nil
	})
	conn := plainConn(t, r)
	for name, tc := range map[string]struct{ given, least, most time.Duration }{
		"none":    {0, maxUnary - 5*time.Second, maxUnary},
		"an hour": {time.Hour, maxUnary - 5*time.Second, maxUnary},
		"shorter": {5 * time.Second, 0, 5 * time.Second},
	} {
		ctx := t.Context()
		if tc.given > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, tc.given)
			defer cancel()
		}
		if _, err := invoke(ctx, conn); err != nil {
			t.Fatal(err)
		}
		if got := <-left; got < tc.least || got > tc.most {
			t.Errorf("%s: the server has %v, want %v to %v", name, got, tc.least, tc.most)
		}
	}
}
