package engine

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// indexes is the share of 0 to n-1 that one worker is given.
type indexes = iter.Seq[int]

// parallel shares the indexes 0 to n-1 out to workers, one at a time to whoever
// is free, and returns when all are done. Work on one index must depend on that
// index alone: then the result is the same however they are shared out. When ctx
// ends, the rest is left undone.
func parallel(ctx context.Context, n, workers int, work func(indexes)) {
	var next atomic.Int64
	share := func(yield func(int) bool) {
		for {
			i := int(next.Add(1)) - 1
			if i >= n || ctx.Err() != nil || !yield(i) {
				return
			}
		}
	}
	workers = min(workers, n)
	if workers <= 1 {
		work(share)
		return
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { work(share) })
	}
	wg.Wait()
}
