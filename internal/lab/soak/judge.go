package soak

import (
	"fmt"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// point is what a process holds after a number of calls.
type point struct {
	calls int64
	usage usage
}

// quantity is something that must not grow.
type quantity struct {
	name  string
	of    func(usage) float64
	limit func(first float64) float64 // most it may grow
	text  func(float64) string
}

const (
	fewAtMost = 5 // goroutines or files: a DNS lookup, a connection that is just being made
	// Something may happen for the first time after the warm-up and add labels, but
	// fewer than the replicas that are replaced in a whole soak would.
	labelsAtMost = 20
	heapShare    = 0.10
	heapAtMost   = 2 << 20 // the limit is the larger of the two
)

// quantities are all that is judged. Labels of metrics stand for everything that is
// kept by name, for example by the address of a replica that was removed.
func quantities() []quantity {
	fixed := func(n float64) func(float64) float64 { return func(float64) float64 { return n } }
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	return []quantity{
		{"goroutines", func(u usage) float64 { return u.goroutines }, fixed(fewAtMost), whole},
		{"open files", func(u usage) float64 { return u.files }, fixed(fewAtMost), whole},
		{"live heap", func(u usage) float64 { return u.heap }, func(first float64) float64 { return max(heapShare*first, heapAtMost) }, megabytes},
		{"labels of metrics", func(u usage) float64 { return u.labels }, fixed(labelsAtMost), whole},
	}
}

func megabytes(v float64) string { return fmt.Sprintf("%.2f MB", v/(1<<20)) }

// warmUp is the share of the calls after which caches are full and most things have
// happened once.
const warmUp = 0.2

// afterWarmUp returns the points that are judged.
func afterWarmUp(points []point, calls int64) []point {
	first := slices.IndexFunc(points, func(p point) bool { return float64(p.calls) >= warmUp*float64(calls) })
	if first < 0 {
		return nil
	}
	return points[first:]
}

// row is how a quantity of one process grew.
type row struct {
	process               string
	what                  quantity
	first, last           float64
	growth, limit         float64
	firstCalls, lastCalls int64 // number of calls at the first and the last point
}

func (r row) grew() bool { return r.growth > r.limit }

func (r row) fault() string {
	return fmt.Sprintf("%s: %s grew from %s after %s calls to %s after %s, want at most %s more",
		r.process, r.what.name, r.what.text(r.first), grouped(r.firstCalls), r.what.text(r.last), grouped(r.lastCalls), r.what.text(r.limit))
}

// leastPoints are needed to tell growth from noise.
const leastPoints = 5

// judge returns how each quantity grew over the points of a process.
func judge(process string, points []point) ([]row, error) {
	if len(points) < leastPoints {
		return nil, fmt.Errorf("%s: %d points, want %d at least", process, len(points), leastPoints)
	}
	var rows []row
	for _, q := range quantities() {
		x, y := make([]float64, len(points)), make([]float64, len(points))
		for i, p := range points {
			x[i], y[i] = float64(p.calls), q.of(p.usage)
		}
		n := len(points) - 1
		rows = append(rows, row{
			process: process, what: q, first: y[0], last: y[n], firstCalls: points[0].calls, lastCalls: points[n].calls,
			growth: growth(x, y), limit: q.limit(median(y[:3])),
		})
	}
	return rows, nil
}

// growth returns by how much y grows from the first x to the last. The slope finds
// steady growth, the difference of the ends a single step. One outlier moves neither.
func growth(x, y []float64) float64 {
	n := len(y)
	return max(slope(x, y)*(x[n-1]-x[0]), median(y[n-3:])-median(y[:3]))
}

// slope is the Theil–Sen estimate: the median of the slopes of all pairs.
func slope(x, y []float64) float64 {
	var all []float64
	for i := range x {
		for j := range i {
			all = append(all, (y[i]-y[j])/(x[i]-x[j]))
		}
	}
	return median(all)
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// counts are of the calls, and of what else was done.
type counts struct {
	load.Counts

	writes, streams, shelves          int64 // writes are among the calls
	replaced, killed, resets, trained int64
	failedStreams                     int64
	restless                          []string // what was not at rest at a quiet point
	reasons                           map[string]int64
}

// lesserShare is the share of calls that may be shed or fall back: a soak of
// bestsellers would show little.
const lesserShare = 0.01

// result is what a soak found out.
type result struct {
	command Command
	took    time.Duration
	counts  counts
	rows    []row
	points  []process // the processes watched
	// exclusions are all false: replicas stop or are killed, and none is sick.
	exclusions fleet.Exclusions
}

// faults returns why the soak fails.
func (r result) faults() (list []string) {
	for _, row := range r.rows {
		if row.grew() {
			list = append(list, row.fault())
		}
	}
	c := r.counts
	if c.Failed+c.failedStreams > 0 {
		list = append(list, fmt.Sprintf("%d calls and %d live shelves failed: %v", c.Failed, c.failedStreams, c.reasons))
	}
	if lesser := c.Shed + c.Fallback; float64(lesser) > lesserShare*float64(c.Calls) {
		list = append(list, fmt.Sprintf("%d of %s calls were shed or fell back, want at most %.0f %%", lesser, grouped(c.Calls), 100*lesserShare))
	}
	if c.Calls < r.command.Calls {
		list = append(list, fmt.Sprintf("%s calls were made, want %s", grouped(c.Calls), grouped(r.command.Calls)))
	}
	if c.writes == 0 || c.shelves == 0 || c.replaced == 0 {
		list = append(list, fmt.Sprintf("%d writes, %d live shelves, %d replicas replaced: want some of each", c.writes, c.shelves, c.replaced))
	}
	return append(list, c.restless...)
}
