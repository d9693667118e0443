package load

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations with an error of 1 % at most, in a size that does not
// grow with their number. Each power of two of microseconds has 128 buckets.
type histogram struct {
	buckets []int64
	n       int64
	max     time.Duration
}

const bucketsBits = 7

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	us := uint64(d.Microseconds())
	shift := max(bits.Len64(us)-bucketsBits-1, 0)
	i := shift<<bucketsBits + int(us>>shift)
	for len(h.buckets) <= i {
		h.buckets = append(h.buckets, 0)
	}
	h.buckets[i]++
	h.n++
	h.max = max(h.max, d)
}

// quantile returns the duration that the share q of all durations did not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.n)))
	for i, n := range h.buckets {
		if rank -= n; rank > 0 || n == 0 {
			continue
		}
		shift := max(i>>bucketsBits-1, 0)
		top := uint64(i-shift<<bucketsBits+1) << shift // upper end of the bucket
		return min(time.Duration(top)*time.Microsecond, h.max)
	}
	return h.max
}
