package drills

import (
	"fmt"
	"strings"
	"time"

	"bookstall/internal/lab/load"
)

const (
	// relieved is how long after the relief readers may still notice something.
	relieved = 2 * time.Second
	// inFlight is how long before an event a call may have begun that it affects: it
	// falls back once marketplace's patience is over.
	inFlight = patience
	// repeatedShare is the share of calls that may be retried when a shop dies.
	repeatedShare = 0.02
)

// span returns the times of the first event, the last event and the relief; zero
// for those that there are not.
func span(moments []moment) (first, last, back time.Time) {
	for _, m := range moments {
		switch m.kind {
		case event:
			if first.IsZero() {
				first = m.at
			}
			last = m.at
		case relief:
			back = m.at
		case remark:
		}
	}
	return first, last, back
}

// beyond describes each limit of a drill with this cost that the report exceeds.
func beyond(c cost, moments []moment, r load.Report) []string {
	first, last, back := span(moments)
	var limits load.Limits
	switch {
	case c == planned:
		limits = load.Planned()
	case c == anything:
		return nil
	case first.IsZero():
		return []string{"the script has no event"}
	case c == unplanned, c == counted, c == shopLost:
		limits = load.Unplanned(last)
		limits.Window.From = first.Add(-inFlight)
		if c == counted {
			limits.FallbackShare = 1
		}
		if c == shopLost {
			limits.Retried = int64(repeatedShare * float64(r.Calls))
		}
	case back.IsZero():
		return []string{"the script has no relief"}
	default:
		limits = load.Without(first.Add(-inFlight), back.Add(relieved))
		if c == overload {
			limits.Shed = r.Calls // checkSurge judges when
		}
	}
	return r.Beyond(limits)
}

// recovery is how long after the last event a reader last noticed something, or
// after the relief where no replica could answer before; negative without an event.
func recovery(c cost, moments []moment, began time.Time, calls []load.Call) time.Duration {
	_, from, back := span(moments)
	if c == without || c == overload {
		from = back
	}
	if from.IsZero() {
		return -1
	}
	took := time.Duration(0)
	for _, call := range calls {
		if end := began.Add(call.Due + call.Latency); call.Outcome != load.Full && end.After(from) {
			took = max(took, end.Sub(from))
		}
	}
	return took
}

// result is what a drill found out.
type result struct {
	drill    drill
	report   load.Report
	moments  []moment
	names    map[string]string // names of replicas, by their names in the report
	figures  []string          // what was measured besides the calls
	recovery time.Duration     // result of func recovery
	faults   []string          // why the drill fails
}

func (r result) passed() bool { return len(r.faults) == 0 }

// behind is how late the load's own calls may start without a note: then the machine
// was busy with something else. The note does not change the verdict.
const behind = 100 * time.Millisecond

const heading = "drill                  calls  full fallback shed failed late  p50 ms  p99 ms  max ms  recovered verdict"

// line is the result in one line, below heading.
func (r result) line() string {
	p := r.report
	text := fmt.Sprintf("%-22s %5d %5d %8d %4d %6d %4d %7.1f %7.1f %7.0f %10s %s",
		r.drill.name, p.Calls, p.Full, p.Fallback, p.Shed, p.Failed, p.Late, p.P50, p.P99, p.Max, r.recovered(), r.verdict())
	return text + r.notes()
}

// notes follow the verdict.
func (r result) notes() string {
	text := ""
	if n := r.report.Retried; n > 0 {
		text += fmt.Sprintf(" (%d retried)", n)
	}
	if lag := r.report.MaxLag; lag > float64(behind.Milliseconds()) {
		text += fmt.Sprintf(" (the load itself was %.0f ms behind)", lag)
	}
	return text
}

func (r result) recovered() string {
	if r.recovery < 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f s", r.recovery.Seconds())
}

func (r result) verdict() string {
	if r.passed() {
		return "pass"
	}
	text := "FAIL: " + strings.Join(r.faults, "; ")
	for reason, n := range r.report.Reasons {
		text += fmt.Sprintf("; failed %d times: %s", n, reason)
	}
	return text
}
