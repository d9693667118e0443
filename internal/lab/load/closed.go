package load

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Timed is how long calls took.
type Timed struct {
	Took    []time.Duration // duration of each call, in no order
	Elapsed time.Duration
	Failed  int
	Err     error // error of one of the failed calls
}

// Drive makes n calls from this many callers, each of which waits for its answer before it
// calls again: a closed model, in which a slow server gets fewer calls. When ctx ends, no new
// call starts; running calls finish.
func Drive(ctx context.Context, callers, n int, call func(context.Context) error) Timed {
	return repeat(ctx, callers, n, call, func(context.Context, int64) (time.Time, bool) { return time.Now(), true })
}

// Offer makes n calls at this many a second, whatever the server does: an open model. A call
// counts from when it was due. At most this many callers are busy at a time; while all are,
// calls wait, and that counts, too. The context ends it as it ends Drive.
func Offer(ctx context.Context, rate float64, callers, n int, call func(context.Context) error) Timed {
	began := time.Now()
	return repeat(ctx, callers, n, call, func(ctx context.Context, i int64) (due time.Time, ok bool) {
		due = began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		wait := time.NewTimer(time.Until(due))
		defer wait.Stop()
		select {
		case <-wait.C:
			return due, true
		case <-ctx.Done():
			return due, false
		}
	})
}

// repeat makes n calls from this many callers. The function start waits until the i-th call
// begins, and returns from when it counts; not ok ends the caller.
func repeat(ctx context.Context, callers, n int, call func(context.Context) error, start func(ctx context.Context, i int64) (from time.Time, ok bool)) Timed {
	var (
		begun   atomic.Int64
		mu      sync.Mutex
		sum     Timed
		calling sync.WaitGroup
	)
	whole := context.WithoutCancel(ctx)
	began := time.Now()
	for range callers {
		calling.Go(func() {
			for ctx.Err() == nil {
				i := begun.Add(1) - 1
				if i >= int64(n) {
					return
				}
				from, ok := start(ctx, i)
				if !ok {
					return
				}
				err := call(whole)
				took := time.Since(from)
				mu.Lock()
				sum.Took = append(sum.Took, took)
				if err != nil {
					sum.Failed++
					sum.Err = err
				}
				mu.Unlock()
			}
		})
	}
	calling.Wait()
	sum.Elapsed = time.Since(began)
	return sum
}

// Rate returns how many calls ended in a second.
func (t Timed) Rate() float64 { return float64(len(t.Took)) / t.Elapsed.Seconds() }

// Quantiles returns the durations that these shares of the calls did not exceed, in
// milliseconds; 0 if there were no calls.
func (t Timed) Quantiles(shares ...float64) []float64 {
	sorted := slices.Sorted(slices.Values(t.Took))
	list := make([]float64, len(shares))
	if len(sorted) > 0 {
		for i, q := range shares {
			list[i] = millis(sorted[int(q*float64(len(sorted)-1))])
		}
	}
	return list
}
