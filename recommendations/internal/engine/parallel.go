package engine

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// indexes are the indexes that one worker processes.
type indexes = iter.Seq[int]

// parallel distributes the indexes 0 to n-1 among workers, one at a time to
// whichever is free, and returns when all are processed. The work on an index must
// depend on that index only, so that the distribution does not change the result.
// When ctx ends, the remaining indexes are skipped.
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
