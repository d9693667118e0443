package balance

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	rateWindow = 10 // seconds
	typicalOf  = 64 // calls that the median time is taken from
)

// replica is one replica in the list, or that left it a short while ago.
type replica struct {
	out  atomic.Bool            // suspected or ejected: receives no calls
	name atomic.Pointer[string] // from its last answer; nil before the first
	ramp ramp

	running atomic.Int64 // calls that it has now

	// Guarded by the pool's lock.
	addresses    []string        // host:port, one or two
	conns        map[*conn]State // Connecting, NotServing or Serving
	status       State           // what its connections say; Unused without any
	state        State           // status, or that it is out or gone
	since        time.Time       // when state began
	listedSince  time.Time
	servingSince time.Time // when status last became Serving
	servedUntil  time.Time // when status last ceased to be Serving; zero for never
	left         time.Time // when it left DNS; zero while it is listed
	exclusion    exclusion

	mu         sync.Mutex
	readmitted time.Time          // calls that began before say nothing any more
	records    map[string]*record // by method
	figures    figures
}

// exclusion is why a replica receives no calls.
type exclusion struct {
	state     State // Suspected, Ejected, or "" for neither
	reason    string
	method    string             // whose calls were the reason
	stop      context.CancelFunc // stops its probe
	ejections int                // in a row, each within relapse of the readmission before
	readmit   time.Time          // when it was last readmitted
	suspected time.Time          // when it was last suspected
}

// figures count calls.
type figures struct {
	calls       int64
	first       time.Time // when the first of them ended; zero without any
	failed      int64
	seconds     [rateWindow + 1]second
	times       [typicalOf]time.Duration
	timed       int
	lastError   codes.Code
	lastErrorAt time.Time
}

// second counts the calls that ended in one second.
type second struct {
	unix  int64
	calls int64
}

func newReplica(addresses []string, now time.Time) *replica {
	return &replica{
		addresses: addresses, conns: map[*conn]State{}, status: Connecting, listedSince: now,
		records: map[string]*record{},
	}
}

// currentState returns the state that follows from all the rest. The caller holds the
// pool's lock.
func (r *replica) currentState() State {
	switch {
	case !r.left.IsZero():
		return Gone
	case r.exclusion.state != "":
		return r.exclusion.state
	}
	return r.status
}

// record returns the record of a method. The caller holds r.mu.
func (r *replica) record(method string) *record {
	rec, ok := r.records[method]
	if !ok {
		rec = &record{}
		r.records[method] = rec
	}
	return rec
}

// add counts a call that ended at now.
func (f *figures) add(o outcome, now time.Time) {
	if f.calls++; f.calls == 1 {
		f.first = now
	}
	s := &f.seconds[now.Unix()%int64(len(f.seconds))]
	if s.unix != now.Unix() {
		*s = second{unix: now.Unix()}
	}
	s.calls++
	if o.timed {
		f.times[f.timed%typicalOf] = o.took
		f.timed++
	}
	if o.failed {
		f.failed++
		f.lastError, f.lastErrorAt = o.code, now
	}
}

// recent returns how many calls ended in the last rateWindow whole seconds.
func (f *figures) recent(now time.Time) (n int64) {
	for _, s := range f.seconds {
		if age := now.Unix() - s.unix; age >= 1 && age <= rateWindow {
			n += s.calls
		}
	}
	return n
}

func (f *figures) typical() time.Duration {
	if f.timed == 0 {
		return 0
	}
	return median(slices.Clone(f.times[:min(f.timed, typicalOf)]))
}

// snapshot returns r without its share. The caller holds the pool's lock.
func (r *replica) snapshot(now time.Time) Replica {
	s := Replica{Address: r.addresses[0], Addresses: slices.Clone(r.addresses), State: r.state, Reason: r.exclusion.reason, Since: r.since}
	if name := r.name.Load(); name != nil {
		s.Name = *name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &r.figures
	s.Calls, s.Failed, s.Typical, s.LastErrorAt = f.calls, f.failed, f.typical(), f.lastErrorAt
	s.Running = r.running.Load()
	if f.calls > 0 {
		s.FirstCall = max(1, f.first.Sub(r.listedSince))
	}
	s.Rate = float64(f.recent(now)) / rateWindow
	if !f.lastErrorAt.IsZero() {
		s.LastError = f.lastError.String()
	}
	return s
}
