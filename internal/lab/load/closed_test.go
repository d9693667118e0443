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
	if got := (Closed{}).Quantiles(0.5); got[0] != 0 {
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
