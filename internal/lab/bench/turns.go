package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// contender is one of the things that are compared.
type contender struct {
	name string
	// limit is the name of the contender that ratios refer to; "" for the first one.
	limit     string
	processes []*fleet.Process // whose CPU time, allocations and memory count
	call      func(ctx context.Context, n int64) error
}

// turns say how contenders are driven.
type turns struct {
	rounds int           // that count; one before them warms up
	length time.Duration // of one contender's turn
}

// row is what was measured of one contender. Each figure is the median of all rounds, and each
// ratio that of the quotients of one round, in which both contenders had their turns one after
// the other. Of a closed load the callers are given, of an open one the calls offered.
type row struct {
	Contender   string  `json:"contender"`
	Limit       string  `json:"limit"`             // contender that ratios refer to
	Callers     int     `json:"callers"`           // at a time; of an open load at most
	Offered     float64 `json:"offered,omitempty"` // calls a second, of an open load
	Calls       int     `json:"calls"`             // in all rounds
	Rate        float64 `json:"calls_per_second"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	P999        float64 `json:"p999_ms"`
	CPU         float64 `json:"cpu_us_per_call"`
	Allocations float64 `json:"allocations_per_call"`
	Resident    float64 `json:"resident_mb"` // after the last round
	RateRatio   float64 `json:"calls_ratio"`
	P99Ratio    float64 `json:"p99_ratio"`
	CPURatio    float64 `json:"cpu_ratio"`

	cpu []float64 // of each round, to compare contenders that are not each other's limit
}

// sample is what one turn measured.
type sample struct{ rate, p50, p99, p999, cpu, allocations, resident float64 }

// closed has so many callers call the contenders in turn, as fast as they answer.
func (t turns) closed(ctx context.Context, callers int, contenders []contender) ([]row, error) {
	rows, err := t.drive(ctx, contenders, func(ctx context.Context, call func(context.Context) error) load.Timed {
		ctx, cancel := context.WithTimeout(ctx, t.length)
		defer cancel()
		return load.Drive(ctx, callers, math.MaxInt, call)
	})
	for i := range rows {
		rows[i].Callers = callers
	}
	return rows, err
}

// openCallers bounds the calls in flight of an open load: as many as any closed load has.
const openCallers = 256

// open offers the contenders so many calls a second in turn.
func (t turns) open(ctx context.Context, rate float64, contenders []contender) ([]row, error) {
	rows, err := t.drive(ctx, contenders, func(ctx context.Context, call func(context.Context) error) load.Timed {
		return load.Offer(ctx, rate, openCallers, max(1, int(rate*t.length.Seconds())), call)
	})
	for i := range rows {
		rows[i].Callers, rows[i].Offered = openCallers, rate
	}
	return rows, err
}

// drive gives each contender its turn in each round. A call that fails ends it: a figure of
// calls that were not all answered would compare different work.
func (t turns) drive(ctx context.Context, contenders []contender, turn func(context.Context, func(context.Context) error) load.Timed) ([]row, error) {
	rows := make([]row, len(contenders))
	samples := make([][]sample, len(contenders))
	order := make([]int, len(contenders))
	for i, c := range contenders {
		order[i] = i
		rows[i].Contender, rows[i].Limit = c.name, c.limit
		if c.limit == "" {
			rows[i].Limit = contenders[0].name
		}
	}
	for round := range 1 + t.rounds {
		for _, i := range order {
			s, calls, err := contenders[i].turn(ctx, turn)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].name, err)
			}
			if round > 0 {
				samples[i] = append(samples[i], s)
				rows[i].Calls += calls
				rows[i].Resident = s.resident
			}
		}
		slices.Reverse(order) // no contender always follows the same one
	}
	for i := range rows {
		limit := slices.IndexFunc(contenders, func(c contender) bool { return c.name == rows[i].Limit })
		if limit < 0 {
			return nil, fmt.Errorf("%s has the limit %s, which is none of the contenders", rows[i].Contender, rows[i].Limit)
		}
		rows[i].fill(samples[i], samples[limit])
	}
	return rows, nil
}

// turn drives one contender.
func (c contender) turn(ctx context.Context, drive func(context.Context, func(context.Context) error) load.Timed) (s sample, calls int, err error) {
	// The CPU time is read last before the calls and first after them: to ask for the rest
	// takes some, too.
	mallocsBefore, _, err := c.memory()
	if err != nil {
		return s, 0, err
	}
	cpuBefore, err := c.cpu()
	if err != nil {
		return s, 0, err
	}
	var n atomic.Int64
	timed := drive(ctx, func(ctx context.Context) error { return c.call(ctx, n.Add(1)) })
	cpuAfter, err := c.cpu()
	if err != nil {
		return s, 0, err
	}
	mallocsAfter, resident, err := c.memory()
	calls = len(timed.Took)
	switch {
	case ctx.Err() != nil:
		return s, 0, ctx.Err()
	case err != nil:
		return s, 0, err
	case timed.Failed > 0 || calls == 0:
		return s, 0, fmt.Errorf("%d of %d calls failed: %w", timed.Failed, calls, timed.Err)
	}
	q := timed.Quantiles(0.5, 0.99, 0.999)
	return sample{
		rate: timed.Rate(), p50: q[0], p99: q[1], p999: q[2],
		cpu:         float64((cpuAfter - cpuBefore).Microseconds()) / float64(calls),
		allocations: (mallocsAfter - mallocsBefore) / float64(calls),
		resident:    resident,
	}, calls, nil
}

// fill sets the figures from those of each round, and of the limit in the same round.
func (r *row) fill(own, limit []sample) {
	of := func(pick func(sample) float64) (value, ratio float64) {
		values, ratios := make([]float64, len(own)), make([]float64, len(own))
		for i := range own {
			values[i], ratios[i] = pick(own[i]), quotient(pick(own[i]), pick(limit[i]))
		}
		return median(values), median(ratios)
	}
	r.Rate, r.RateRatio = of(func(s sample) float64 { return s.rate })
	r.CPU, r.CPURatio = of(func(s sample) float64 { return s.cpu })
	r.P50, _ = of(func(s sample) float64 { return s.p50 })
	r.P99, r.P99Ratio = of(func(s sample) float64 { return s.p99 })
	r.P999, _ = of(func(s sample) float64 { return s.p999 })
	r.Allocations, _ = of(func(s sample) float64 { return s.allocations })
	for _, s := range own {
		r.cpu = append(r.cpu, s.cpu)
	}
}

// quotient is 0 if there is nothing to compare with: JSON has no infinity.
func quotient(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// cpu returns the CPU time that the processes of a contender have used so far.
func (c contender) cpu() (sum time.Duration, err error) {
	for _, p := range c.processes {
		cpu, err := p.CPU()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.Name, err)
		}
		sum += cpu
	}
	return sum, nil
}

// memory returns how many allocations the processes have made so far, and their resident
// memory now, in MB.
func (c contender) memory() (mallocs, resident float64, err error) {
	for _, p := range c.processes {
		n, err := fleet.Metric(p.Admin, "go_memstats_mallocs_total")
		if err != nil {
			return 0, 0, err
		}
		bytes, err := p.Resident()
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", p.Name, err)
		}
		mallocs += n
		resident += float64(bytes) / 1e6
	}
	return mallocs, resident, nil
}

// find returns the row of a contender in a closed load of so many callers, the zero row if there
// is none.
func find(rows []row, name string, callers int) row {
	for _, r := range rows {
		if r.Contender == name && r.Callers == callers && r.Offered == 0 {
			return r
		}
	}
	return row{}
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}
