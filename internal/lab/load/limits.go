package load

import (
	"fmt"
	"time"
)

// Limits are what a load may show at most.
type Limits struct {
	Shed, Failed, Late, Retried int64
	FallbackShare               float64
	// Window, if set, is when calls may fall back.
	Window Window
}

// Window is a time from an event to when nobody may notice it any more.
type Window struct{ From, Until time.Time }

// What an event may cost readers.
const (
	plannedShare   = 0.001
	unplannedShare = 0.02
	// unplannedFor is how long after an event without a warning calls fall back.
	unplannedFor = 2 * time.Second
)

// Planned are the limits of an event that the shop is told of.
func Planned() Limits { return Limits{FallbackShare: plannedShare} }

// Unplanned are those of an event at some time, without a warning.
func Unplanned(event time.Time) Limits {
	return Limits{FallbackShare: unplannedShare, Window: Window{event, event.Add(unplannedFor)}}
}

// Without are those of a time in which no replica lives.
func Without(gone, back time.Time) Limits {
	return Limits{FallbackShare: 1, Window: Window{gone, back}}
}

// Beyond returns what is beyond the limits, in words; nothing if all is well. A
// load without calls is beyond any limit.
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

// outside tells of calls that fell back outside of the window.
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
