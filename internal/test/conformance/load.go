package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// load is callers at work.
type load struct {
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu     sync.Mutex
	calls  int
	failed []failure
}

// failure is one call that failed.
type failure struct {
	began time.Time
	err   error
}

const (
	callersRate = 40 // calls a second of a steady load
	deadline    = 5 * time.Second
)

// steadily starts a load of callersRate calls a second, each of which may take as long as
// the deadline says. Calls do not wait for each other.
func (w *world) steadily(ctx context.Context, deadline time.Duration) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{stop: cancel}
	l.wg.Go(func() {
		tick := time.NewTicker(time.Second / callersRate)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l.wg.Go(func() { l.call(w, deadline) })
			}
		}
	})
	return l
}

// closedly starts a number of callers, each of which makes one call after another.
func (w *world) closedly(ctx context.Context, callers int) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{stop: cancel}
	for range callers {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				l.call(w, deadline)
			}
		})
	}
	return l
}

func (l *load) call(w *world, deadline time.Duration) {
	// Not the context of the load: calls in flight at its end are finished.
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	began := time.Now()
	err := call(ctx, w.conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if err != nil {
		l.failed = append(l.failed, failure{began, err})
	}
}

// end ends the load and waits for its calls.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// failures returns how many calls that began since t have failed.
func (l *load) failures(t time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.failed {
		if !f.began.Before(t) {
			n++
		}
	}
	return n
}

// String says how many calls failed, and how.
func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failed) == 0 {
		return fmt.Sprintf("0 of %d calls failed", l.calls)
	}
	by := map[codes.Code]int{}
	for _, f := range l.failed {
		by[status.Code(f.err)]++
	}
	var kinds []string
	for _, code := range slices.Sorted(maps.Keys(by)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", by[code], code))
	}
	return fmt.Sprintf("%d of %d calls failed: %s", len(l.failed), l.calls, strings.Join(kinds, ", "))
}
