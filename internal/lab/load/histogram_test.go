package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinOnePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(math.Exp(random.Float64()*18)) * time.Microsecond // 1 µs to a minute
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		if got := h.quantile(q); math.Abs(float64(got-want)) > 0.01*float64(want)+float64(time.Microsecond) {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if got := h.quantile(1); got != all[len(all)-1] || h.max != got {
		t.Errorf("quantile 1 = %v and max %v, want %v", got, h.max, all[len(all)-1])
	}
	if len(h.buckets) > 4096 {
		t.Errorf("%d buckets, want at most 4096", len(h.buckets))
	}
	var empty histogram
	if got := empty.quantile(0.5); got != 0 {
		t.Errorf("quantile 0.5 of an empty histogram = %v, want 0", got)
	}
}
