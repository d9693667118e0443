package balance

import (
	"slices"
	"time"
)

// record holds the outcomes of calls of one method at one replica.
type record struct {
	bad     int       // failures and timeouts in a row
	badFrom time.Time // when the first of them began
	good    time.Time // when a call was last good; zero for never
	// wellFrom is when the first of a row of calls ended that were neither bad nor slow; zero
	// if the last one was.
	wellFrom time.Time

	slow     int       // slow calls in a row
	slowFrom time.Time // when the first of them began

	times [timesKept]time.Duration // times of the last good calls
	n     int                      // number of good calls
}

const (
	timesKept = 31 // calls whose times are kept
	minTimes  = 8  // fewest calls that make a median
)

// add takes the time of a good call.
func (r *record) add(took time.Duration) {
	r.times[r.n%timesKept] = took
	r.n++
}

// last returns the time of the last good call, of which there must be one.
func (r *record) last() time.Duration { return r.times[(r.n-1)%timesKept] }

// median returns the median time; false until there are minTimes calls.
func (r *record) median() (time.Duration, bool) {
	if r.n < minTimes {
		return 0, false
	}
	return median(slices.Clone(r.times[:min(r.n, timesKept)])), true
}

// median sorts list, which must not be empty, and returns its median.
func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
