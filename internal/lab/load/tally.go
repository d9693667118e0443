package load

import (
	"maps"
	"math"
	"sync"
	"time"
)

// tally counts calls as they end.
type tally struct {
	cfg     Config
	started time.Time

	mu        sync.Mutex
	all       Counts
	kinds     map[Kind]Counts
	reasons   map[string]int64
	latency   histogram
	maxLag    time.Duration
	intervals []*interval
	elapsed   time.Duration // time in which calls started; 0 while they still do
	metered   bool          // whether the metrics of a replica were read
	// When the first call that fell back was due, and when the last one ended.
	firstFallback, lastFallback time.Duration
}

// interval is one row of the timeline.
type interval struct {
	Counts
	max              time.Duration
	metered, counted map[string]int64 // calls of each replica: by metrics, by served_by
}

func newTally(cfg Config, started time.Time) *tally {
	return &tally{cfg: cfg, started: started, kinds: map[Kind]Counts{}, reasons: map[string]int64{}}
}

func (t *tally) add(c Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.at(c.Due)
	kind := t.kinds[c.Kind]
	for _, counts := range []*Counts{&t.all, &kind, &i.Counts} {
		counts.Add(c)
	}
	t.kinds[c.Kind] = kind
	if c.Outcome == Fallback {
		if t.all.Fallback == 1 || c.Due < t.firstFallback {
			t.firstFallback = c.Due
		}
		t.lastFallback = max(t.lastFallback, c.Due+c.Latency)
	}
	if c.Reason != "" {
		t.reasons[c.Reason]++
	}
	t.latency.add(c.Latency)
	i.max = max(i.max, c.Latency)
	if c.ServedBy != "" {
		i.counted[c.ServedBy]++
	}
	if t.cfg.Observe != nil {
		t.cfg.Observe(c)
	}
}

// at returns the row for a time after the start.
func (t *tally) at(due time.Duration) *interval {
	n := int(max(due, 0) / t.cfg.Interval)
	for len(t.intervals) <= n {
		t.intervals = append(t.intervals, &interval{metered: map[string]int64{}, counted: map[string]int64{}})
	}
	return t.intervals[n]
}

// lag records how late a call was started.
func (t *tally) lag(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.maxLag = max(t.maxLag, d)
}

// replicas records how many calls each replica answered since the last poll, about
// one interval ago.
func (t *tally) replicas(answered map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := t.at(time.Since(t.started) - t.cfg.Interval/2)
	for name, n := range answered {
		t.metered = true
		row.metered[name] += n
	}
}

// endArrivals records that no more calls start.
func (t *tally) endArrivals() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.elapsed = time.Since(t.started)
}

// report returns the report so far.
func (t *tally) report() Report { return t.reportRows(0, math.MaxInt) }

// latest returns the report so far, with a timeline of the last whole interval alone.
func (t *tally) latest() Report {
	row := int(time.Since(t.started)/t.cfg.Interval) - 1
	return t.reportRows(row, row+1)
}

// reportRows returns the report so far, with a timeline of the rows first to end-1.
func (t *tally) reportRows(first, end int) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	elapsed := t.elapsed
	if elapsed == 0 {
		elapsed = time.Since(t.started)
	}
	r := Report{
		Started: t.started, Seconds: elapsed.Seconds(), Rate: t.cfg.Rate, Counts: t.all,
		FirstFallback: t.firstFallback.Seconds(), LastFallback: t.lastFallback.Seconds(),
		P50: millis(t.latency.quantile(0.5)), P99: millis(t.latency.quantile(0.99)), Max: millis(t.latency.max),
		MaxLag: millis(t.maxLag), Kinds: maps.Clone(t.kinds), Reasons: maps.Clone(t.reasons), ReplicasFrom: byServedBy,
	}
	if t.metered {
		r.ReplicasFrom = byMetrics
	}
	sums := map[string]int64{}
	for n, i := range t.intervals {
		answered := i.counted
		if t.metered {
			answered = i.metered
		}
		for name, calls := range answered {
			sums[name] += calls
		}
		if n >= first && n < end {
			r.Timeline = append(r.Timeline, Interval{
				Start: (time.Duration(n) * t.cfg.Interval).Seconds(), Counts: i.Counts, Max: millis(i.max), Replicas: maps.Clone(answered),
			})
		}
	}
	r.Replicas = shares(sums)
	return r
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
