package discovery

import (
	"slices"
	"time"
)

// record is how calls of one method went at one replica.
type record struct {
	bad     int       // in a row
	badFrom time.Time // when the first of them began
	good    time.Time // when a call ended well last; zero for never

	slow     int       // in a row
	slowFrom time.Time // when the first of them began

	times [recent]time.Duration // of the last calls that ended well
	n     int                   // of all that did
}

const (
	recent = 31 // calls whose times are remembered
	enough = 8  // of them, to say what is usual
)

func (r *record) add(took time.Duration) {
	r.times[r.n%recent] = took
	r.n++
}

// median returns what is usual, once that is known.
func (r *record) median() (time.Duration, bool) {
	if r.n < enough {
		return 0, false
	}
	return median(slices.Clone(r.times[:min(r.n, recent)])), true
}

// median sorts a list that is not empty.
func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
