package load

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// counts returns a report of 1,000 calls.
func counts(started time.Time, change func(*Report)) Report {
	r := Report{Started: started, Counts: Counts{Calls: 1000, Full: 1000}}
	change(&r)
	return r
}

func TestBeyond(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }
	fell := func(n int64, first, last float64) func(*Report) {
		return func(r *Report) { r.Fallback, r.Full, r.FirstFallback, r.LastFallback = n, r.Full-n, first, last }
	}
	for name, test := range map[string]struct {
		change func(*Report)
		limits Limits
		want   []string // part of each line
	}{
		"all is well":                       {func(*Report) {}, Limits{}, nil},
		"no calls":                          {func(r *Report) { r.Calls = 0 }, Limits{FallbackShare: 1}, []string{"no calls"}},
		"failed and late":                   {func(r *Report) { r.Failed, r.Late = 1, 2 }, Planned(), []string{"1 failed", "2 late"}},
		"shed":                              {func(r *Report) { r.Shed = 1 }, Planned(), []string{"1 shed"}},
		"retried":                           {func(r *Report) { r.Retried = 3 }, Limits{Retried: 2}, []string{"3 retried"}},
		"retried as it may":                 {func(r *Report) { r.Retried = 2 }, Limits{Retried: 2}, nil},
		"one in a thousand":                 {fell(1, 5, 6), Planned(), nil},
		"two in a thousand":                 {fell(2, 5, 6), Planned(), []string{"0.20 % fallback"}},
		"twenty at once":                    {fell(20, 5.1, 6.9), Unplanned(at(5)), nil},
		"too many at once":                  {fell(21, 5.1, 6.9), Unplanned(at(5)), []string{"2.10 % fallback"}},
		"one too late":                      {fell(1, 7.1, 7.1), Unplanned(at(5)), []string{"until 7.1 s"}},
		"one before":                        {fell(1, 4.9, 4.9), Unplanned(at(5)), []string{"at 4.9 s, before"}},
		"nothing around no event":           {fell(0, 0, 0), Unplanned(at(5)), nil},
		"while no replica lives":            {fell(500, 5.1, 24.9), Without(at(5), at(25)), nil},
		"longer than no replica lives":      {fell(500, 5.1, 25.1), Without(at(5), at(25)), []string{"until 25.1 s"}},
		"failed while no replica lives":     {func(r *Report) { r.Failed = 1 }, Without(at(5), at(25)), []string{"1 failed"}},
		"a fallback from the very start":    {fell(1, 0, 0.01), Unplanned(at(5)), []string{"at 0.0 s, before"}},
		"a fallback, with no window at all": {fell(1, 0, 900), Limits{FallbackShare: 0.001}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := counts(began, test.change).Beyond(test.limits)
			if !slices.EqualFunc(got, test.want, strings.Contains) {
				t.Errorf("Beyond() = %q, want %q", got, test.want)
			}
		})
	}
}

// TestAReportSaysWhenCallsFellBack has calls that fall back from the third second to
// the fourth.
func TestAReportSaysWhenCallsFellBack(t *testing.T) {
	const from, to = 3 * time.Second, 4 * time.Second
	tally := newTally(Config{Interval: time.Second}, time.Now())
	for n := range 100 { // in reverse: calls end in any order
		due := time.Duration(99-n) * 100 * time.Millisecond
		c := Call{Kind: Front, Due: due, Latency: 30 * time.Millisecond, Outcome: Full}
		if due >= from && due < to {
			c.Outcome = Fallback
		}
		tally.add(c)
	}
	r := tally.report()
	if r.Fallback != 10 || r.FirstFallback != 3 || r.LastFallback != 3.93 {
		t.Errorf("%d fell back, from %v s to %v s; want 10, from 3 to 3.93", r.Fallback, r.FirstFallback, r.LastFallback)
	}
	if r := newTally(Config{Interval: time.Second}, time.Now()).report(); r.FirstFallback != 0 || r.LastFallback != 0 {
		t.Errorf("without calls: fallback from %v s to %v s, want 0 and 0", r.FirstFallback, r.LastFallback)
	}
}
