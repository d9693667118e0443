package load

import (
	"fmt"
	"time"
)

// Limits bound what the report of a load may show.
type Limits struct {
	Shed, Failed, Late, Retried int64
	FallbackShare               float64
	// Window, if set, is the time in which calls may fall back.
	Window Window
}

// Window is the time from an event until readers must not notice it any more.
type Window struct{ From, Until time.Time }

// What an event may cost readers.
const (
	plannedShare   = 0.001
	unplannedShare = 0.02
	// unplannedFor is how long calls may fall back after an event without warning.
	unplannedFor = 2 * time.Second
)

// Planned returns the limits of an event that the shop knows in advance.
func Planned() Limits { return Limits{FallbackShare: plannedShare} }

// Unplanned returns the limits of an event without warning.
func Unplanned(event time.Time) Limits {
	return Limits{FallbackShare: unplannedShare, Window: Window{event, event.Add(unplannedFor)}}
}

// Without returns the limits of a time in which there is no replica.
func Without(gone, back time.Time) Limits {
	return Limits{FallbackShare: 1, Window: Window{gone, back}}
}

// Beyond describes each limit that the report exceeds; none if it is within all of
// them. A load without calls exceeds any limits.
func (r Report) Beyond(l Limits) (list []string) {
	if r.Calls == 0 {
		return []string{"no calls"}
	}
	for _, c := range []struct {
		what      string
		got, most int64
	}{
		{"shed", r.Shed, l.Shed}, {"failed", r.Failed, l.Failed}, {"late", r.Late, l.Late}, {"retried", r.Retried, l.Retried},
	} {
		if c.got > c.most {
			list = append(list, fmt.Sprintf("%d %s, want at most %d", c.got, c.what, c.most))
		}
	}
	if share := float64(r.Fallback) / float64(r.Calls); share > l.FallbackShare {
		list = append(list, fmt.Sprintf("%.2f %% fallback, want at most %.2f %%", 100*share, 100*l.FallbackShare))
	}
	return append(list, r.outside(l.Window)...)
}

// outside describes calls that fell back before or after the window.
func (r Report) outside(w Window) (list []string) {
	if r.Fallback == 0 || w == (Window{}) {
		return nil
	}
	if from := w.From.Sub(r.Started).Seconds(); r.FirstFallback < from {
		list = append(list, fmt.Sprintf("fallback at %.1f s, before the event at %.1f s", r.FirstFallback, from))
	}
	if until := w.Until.Sub(r.Started).Seconds(); r.LastFallback > until {
		list = append(list, fmt.Sprintf("fallback until %.1f s, want none after %.1f s", r.LastFallback, until))
	}
	return list
}
