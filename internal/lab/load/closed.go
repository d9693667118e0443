package load

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Closed is what a closed load measured: callers that each wait for their answer
// before they call again, so that a slow server gets fewer calls.
type Closed struct {
	Took    []time.Duration // duration of each call, in no order
	Elapsed time.Duration
	Failed  int
	Err     error // error of one of the failed calls
}

// Drive makes n calls from this many callers. When ctx ends, no new call starts;
// running calls finish.
func Drive(ctx context.Context, callers, n int, call func(context.Context) error) Closed {
	var (
		begun   atomic.Int64
		mu      sync.Mutex
		sum     Closed
		calling sync.WaitGroup
	)
	whole := context.WithoutCancel(ctx)
	began := time.Now()
	for range callers {
		calling.Go(func() {
			for ctx.Err() == nil && begun.Add(1) <= int64(n) {
				start := time.Now()
				err := call(whole)
				took := time.Since(start)
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
func (c Closed) Rate() float64 { return float64(len(c.Took)) / c.Elapsed.Seconds() }

// Quantiles returns the durations that these shares of the calls did not exceed, in
// milliseconds; 0 if there were no calls.
func (c Closed) Quantiles(shares ...float64) []float64 {
	sorted := slices.Sorted(slices.Values(c.Took))
	list := make([]float64, len(shares))
	if len(sorted) > 0 {
		for i, q := range shares {
			list[i] = millis(sorted[int(q*float64(len(sorted)-1))])
		}
	}
	return list
}
