package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Counts are numbers of calls by outcome. The five outcomes add up to Calls.
type Counts struct {
	Calls    int64 `json:"calls"`
	Full     int64 `json:"full"`
	Fallback int64 `json:"fallback"`
	Shed     int64 `json:"shed"`
	Failed   int64 `json:"failed"`
	Late     int64 `json:"late"`
	Retried  int64 `json:"retried"` // calls that needed more than one connection; also counted by outcome
}

// Add counts a call.
func (c *Counts) Add(call Call) {
	c.Calls++
	switch call.Outcome {
	case Full:
		c.Full++
	case Fallback:
		c.Fallback++
	case Shed:
		c.Shed++
	case Late:
		c.Late++
	case Failed:
		c.Failed++
	}
	if call.Retried {
		c.Retried++
	}
}

// Report is the result of a load. Latencies are in milliseconds, of all calls whatever
// their outcome, from when they were due.
type Report struct {
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // time in which calls started
	Rate    float64   `json:"rate"`    // Config.Rate
	Counts
	// When the first call that fell back was due, and when the last one ended, in
	// seconds after Started; 0 if no call fell back.
	FirstFallback float64 `json:"first_fallback_s"`
	LastFallback  float64 `json:"last_fallback_s"`

	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
	// MaxLag is the longest delay of the generator itself in starting a call. If it is
	// far from 0, the machine is too slow for the rate.
	MaxLag       float64          `json:"max_lag_ms"`
	Kinds        map[Kind]Counts  `json:"kinds"`
	Reasons      map[string]int64 `json:"reasons"`       // number of failed calls by reason
	ReplicasFrom string           `json:"replicas_from"` // metrics or served_by
	Replicas     []Replica        `json:"replicas"`
	Timeline     []Interval       `json:"timeline"` // rows by when calls were due
}

// Where the counts of replicas come from. Only API calls have a served_by; metrics lack
// the last interval of a replica that is killed.
const (
	byMetrics  = "metrics"
	byServedBy = "served_by"
)

// Replica is how many calls one replica answered.
type Replica struct {
	Name  string  `json:"name"`
	Calls int64   `json:"calls"`
	Share float64 `json:"share"`
}

// Interval is one row of the timeline.
type Interval struct {
	Start float64 `json:"start"` // seconds after Report.Started
	Counts
	Max      float64          `json:"max_ms"`
	Replicas map[string]int64 `json:"replicas"`
}

func shares(calls map[string]int64) []Replica {
	var sum int64
	for _, n := range calls {
		sum += n
	}
	list := []Replica{}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		list = append(list, Replica{Name: name, Calls: calls[name], Share: float64(calls[name]) / float64(max(sum, 1))})
	}
	return list
}

// Line returns the report in one line.
func (r Report) Line() string {
	var replicas []string
	for _, p := range r.Replicas {
		replicas = append(replicas, fmt.Sprintf("%s %.1f %%", p.Name, 100*p.Share))
	}
	return fmt.Sprintf("%.0f s: %s; p50 %.1f, p99 %.1f, max %.1f ms; %s",
		r.Seconds, r.Counts, r.P50, r.P99, r.Max, strings.Join(replicas, ", "))
}

// String returns the counts with their names.
func (c Counts) String() string {
	text := fmt.Sprintf("%d calls: %d full, %d fallback, %d shed, %d failed, %d late", c.Calls, c.Full, c.Fallback, c.Shed, c.Failed, c.Late)
	if c.Retried > 0 {
		text += fmt.Sprintf(" (%d retried)", c.Retried)
	}
	return text
}
