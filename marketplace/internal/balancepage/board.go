package balancepage

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"bookstall/balance"
	"bookstall/marketplace/internal/edge"
)

// board is the part of the page that updates itself, as text.
type board struct {
	root    edge.Root
	Live    bool
	Shop    string
	Target  string
	Serving int
	Listed  int // replicas in DNS
	Rate    string
	DNSAge  string
	Trouble string
	Window  string
	Rows    []row
}

// row shows one replica.
type row struct {
	Name, Address string
	State         string
	Mark          string // icon and CSS class of the state
	Reason        string
	For           string // time in that state
	Rate          string
	Share         string
	Bar           bar
	Typical       string // "" without calls
	Calls, Failed string
	Fails         bool
	LastError     string
	LastErrorAge  string
}

// bar draws a share, in percent of the width of the drawing.
type bar struct {
	Length float64
	Even   float64 // position of the line at an even share; 0 for no line
}

func newBoard(b balance.Snapshot, shop string, root edge.Root, now time.Time, live bool) *board {
	v := &board{
		root: root, Live: live, Shop: shop, Target: shortTarget(b.Target), Trouble: b.Trouble, Window: age(b.Window), DNSAge: "not yet",
	}
	if b.ListAge >= 0 {
		v.DNSAge = tenths(b.ListAge) + " ago"
	}
	var rate, largest float64
	for _, r := range b.Replicas {
		rate += r.Rate
		largest = max(largest, r.Share)
		if r.State == balance.Serving {
			v.Serving++
		}
		if r.State != balance.Gone {
			v.Listed++
		}
	}
	v.Rate = perSecond(rate)
	even := 1 / float64(max(v.Serving, 1))
	full := min(max(2*even, largest), 1) // share of a full bar; an even share is half of it if the largest fits
	for _, r := range b.Replicas {
		v.Rows = append(v.Rows, newRow(r, now, even, full))
	}
	return v
}

func newRow(r balance.Replica, now time.Time, even, full float64) row {
	v := row{
		Name: r.Name, Address: r.Address, State: string(r.State), Mark: mark(r.State), Reason: r.Reason, For: age(now.Sub(r.Since)),
		Rate: perSecond(r.Rate), Share: fmt.Sprintf("%.0f %%", 100*r.Share), Bar: bar{Length: 100 * min(r.Share/full, 1)},
		Calls: grouped(r.Calls), Failed: grouped(r.Failed), Fails: r.Failed > 0, LastError: r.LastError,
	}
	if r.State == balance.Serving && even < 1 {
		v.Bar.Even = 100 * even / full
	}
	if r.Typical > 0 {
		v.Typical = latency(r.Typical)
	}
	if !r.LastErrorAt.IsZero() {
		v.LastErrorAge = age(now.Sub(r.LastErrorAt))
	}
	return v
}

// mark returns the icon and CSS class of a state.
func mark(s balance.State) string {
	switch s {
	case balance.Serving:
		return "serving"
	case balance.NotServing:
		return "resting"
	case balance.Suspected, balance.Ejected:
		return "ejected"
	case balance.Gone:
		return "gone"
	case balance.Connecting, balance.Unused:
	}
	return "connecting"
}

// shortTarget returns a dial target without scheme and DNS server.
func shortTarget(target string) string { return target[strings.LastIndex(target, "/")+1:] }

// age formats a duration in whole units.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
}

// tenths formats a duration like age, with tenths of a second below 10 s.
func tenths(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", max(d, 0).Truncate(100*time.Millisecond).Seconds())
	}
	return age(d)
}

// latency formats the duration of a call with at least two digits.
func latency(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 1:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

func perSecond(rate float64) string {
	if rate >= 99.95 {
		return grouped(int64(rate + 0.5))
	}
	return fmt.Sprintf("%.1f", rate)
}

// grouped formats 1234567 as 1,234,567.
func grouped(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

func orDash(text string) string { return cmp.Or(text, "–") }
