package load

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDriveMakesSoManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		got := Drive(t.Context(), 4, 100, func(context.Context) error {
			i := n.Add(1)
			time.Sleep(time.Duration(i) * time.Millisecond)
			if i == 7 {
				return errors.New("the seventh")
			}
			return nil
		})
		if len(got.Took) != 100 || got.Failed != 1 || got.Err == nil || got.Err.Error() != "the seventh" {
			t.Errorf("%d calls, %d failed, error %v; want 100, 1 and the seventh", len(got.Took), got.Failed, got.Err)
		}
		if diff := cmp.Diff([]float64{50, 99, 100}, got.Quantiles(0.5, 0.99, 1)); diff != "" {
			t.Errorf("quantiles (-want +got):\n%s", diff)
		}
		if want := 100 / got.Elapsed.Seconds(); got.Rate() != want {
			t.Errorf("%v calls a second, want %v", got.Rate(), want)
		}
	})
	if got := (Timed{}).Quantiles(0.5); got[0] != 0 {
		t.Errorf("Quantiles without calls = %v, want 0", got)
	}
}

// When ctx ends, no new call starts; running calls finish.
func TestDriveEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		got := Drive(ctx, 2, math.MaxInt, func(ctx context.Context) error {
			time.Sleep(time.Second)
			return ctx.Err()
		})
		if len(got.Took) != 6 || got.Failed != 0 || got.Elapsed != 3*time.Second {
			t.Errorf("%d calls in %v, %d failed (%v); want 6 in 3s, none failed", len(got.Took), got.Elapsed, got.Failed, got.Err)
		}
	})
}

// With one caller and calls that take twice as long as their distance, each is later than the
// one before by that distance, and its wait counts. With enough callers, none waits.
func TestOfferCountsFromWhenACallWasDue(t *testing.T) {
	for callers, want := range map[int][]float64{1: {200, 300, 400, 500}, 4: {200, 200, 200, 200}} {
		synctest.Test(t, func(t *testing.T) {
			got := Offer(t.Context(), 10, callers, 4, func(context.Context) error {
				time.Sleep(200 * time.Millisecond)
				return nil
			})
			if diff := cmp.Diff(want, got.Quantiles(0, 0.34, 0.67, 1)); diff != "" || got.Failed != 0 {
				t.Errorf("%d callers: durations in milliseconds (-want +got), %d failed:\n%s", callers, got.Failed, diff)
			}
		})
	}
}

// A call that is not due yet when ctx ends is not made.
func TestOfferEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		got := Offer(ctx, 1, 8, math.MaxInt, func(context.Context) error { return nil })
		if len(got.Took) != 3 || got.Elapsed != 2500*time.Millisecond {
			t.Errorf("%d calls in %v, want 3 in 2.5s", len(got.Took), got.Elapsed)
		}
	})
}
