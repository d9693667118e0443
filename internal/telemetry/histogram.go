package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Native histograms: each bucket ends 10 % above the one before. A histogram that needs more
// buckets than it may have begins anew, at most once an hour, and takes wider ones until then.
const (
	nativeFactor  = 1.1
	nativeBuckets = 160
	nativeReset   = time.Hour
)

// Histogram returns the options of a histogram that is native too, beside its buckets, if native
// is set, and otherwise those given.
func Histogram(opts prometheus.HistogramOpts, native bool) prometheus.HistogramOpts {
	if native {
		opts.NativeHistogramBucketFactor = nativeFactor
		opts.NativeHistogramMaxBucketNumber = nativeBuckets
		opts.NativeHistogramMinResetDuration = nativeReset
	}
	return opts
}
