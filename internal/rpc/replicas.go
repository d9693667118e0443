package rpc

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"bookstall/internal/discovery"
)

const (
	rateWindow = 10 // seconds
	timesKept  = 64 // calls that the median time is taken from
	// goneFor is how long a replica stays in the list after it left DNS.
	goneFor = time.Minute
	// A connected replica without a call in this many rounds of round_robin is not
	// serving: round_robin skips only those whose health check fails.
	passedRounds = 3
)

// replicas records state and figures of each replica. It is safe for concurrent use.
type replicas struct {
	directory directory

	mu    sync.Mutex
	lists int64             // number of the last DNS list applied
	known map[string]*known // entries by address
	picks int64             // calls sent, to any replica
}

// directory has the replicas of the last DNS list, and the number of lists so far.
type directory interface {
	Listed() []discovery.Listed
	ListCount() int64
}

// known is the state and the figures of one address.
type known struct {
	state       State
	since       time.Time
	firstListed time.Time // when DNS first listed it
	gone        time.Time // when it left DNS; zero while it is listed

	connections int
	lastPick    int64 // value of replicas.picks at its last call
	pickedAt    time.Time

	name        string
	calls       int64
	failed      int64
	seconds     [rateWindow + 1]second
	times       [timesKept]time.Duration
	timed       int
	lastError   codes.Code
	lastErrorAt time.Time
}

// second counts the calls that ended in one second.
type second struct {
	unix  int64
	calls int64
}

// outcome is how a call ended.
type outcome struct {
	name  string // the replica's name in the answer
	code  codes.Code
	bad   bool // failed through the replica's fault
	timed bool // took is comparable with other calls
	took  time.Duration
}

func newReplicas(d directory) *replicas {
	return &replicas{directory: d, known: map[string]*known{}}
}

// connected adds change to the connections of addr.
func (r *replicas) connected(addr string, change int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, now := r.get(addr), time.Now()
	switch k.connections += change; {
	case change > 0:
		k.lastPick, k.pickedAt = r.picks, now // calls before that did not pass it over
	case k.connections == 0 && k.state == Serving:
		k.set(Connecting, now)
	}
}

// picked records that a call was sent to addr.
func (r *replicas) picked(addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.picks++
	k, now := r.get(addr), time.Now()
	k.lastPick, k.pickedAt = r.picks, now
	if k.state == Connecting || k.state == NotServing {
		k.set(Serving, now)
	}
}

// ended records the outcome of a call to addr.
func (r *replicas) ended(addr string, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, now := r.get(addr), time.Now()
	if o.name != "" {
		k.name = o.name
	}
	k.calls++
	s := &k.seconds[now.Unix()%int64(len(k.seconds))]
	if s.unix != now.Unix() {
		*s = second{unix: now.Unix()}
	}
	s.calls++
	if o.timed {
		k.times[k.timed%timesKept] = o.took
		k.timed++
	}
	if o.bad {
		k.failed++
		k.lastError, k.lastErrorAt = o.code, now
	}
}

// get returns the entry of addr, after applying a new list. The caller holds r.mu.
func (r *replicas) get(addr string) *known {
	if r.directory.ListCount() != r.lists {
		r.look(time.Now())
	}
	k, ok := r.known[addr]
	if !ok { // a late call to an address that has left DNS
		k = &known{lastPick: r.picks, state: Gone, since: time.Now(), gone: time.Now()}
		r.known[addr] = k
	}
	return k
}

// look applies the last DNS list and the ejections. The caller holds r.mu.
func (r *replicas) look(now time.Time) {
	r.lists = r.directory.ListCount()
	listed := map[string]discovery.Listed{}
	for _, l := range r.directory.Listed() {
		listed[l.Address] = l
		k, ok := r.known[l.Address]
		if !ok || !k.firstListed.Equal(l.FirstListed) { // a new replica, perhaps on the address of an old one
			connections := 0
			if ok {
				connections = k.connections
			}
			r.known[l.Address] = &known{firstListed: l.FirstListed, connections: connections, lastPick: r.picks, pickedAt: now}
		}
	}
	serving := int64(len(listed))
	for addr, k := range r.known {
		l, ok := listed[addr]
		switch {
		case !ok && k.gone.IsZero():
			k.gone = now
		case !ok && now.Sub(k.gone) >= goneFor && k.connections == 0:
			delete(r.known, addr)
		}
		switch passed := r.picks - k.lastPick; {
		case !ok:
			k.set(Gone, now)
		case l.Ejected != "":
			k.set(Ejected, l.Since)
		case k.connections == 0:
			k.set(Connecting, now)
		case passed > passedRounds*serving:
			k.set(NotServing, k.pickedAt)
		default:
			k.set(Serving, k.pickedAt)
		}
	}
}

func (k *known) set(s State, at time.Time) {
	if k.state != s {
		k.state, k.since = s, at
	}
}

// list returns all replicas, by address.
func (r *replicas) list(now time.Time) []Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look(now)
	reasons := map[string]string{}
	for _, l := range r.directory.Listed() {
		reasons[l.Address] = l.Ejected
	}
	var all int64
	list := make([]Replica, 0, len(r.known))
	for addr, k := range r.known {
		recent := k.recent(now)
		all += recent
		replica := Replica{
			Address: addr, Name: k.name, State: k.state, Since: k.since,
			Calls: k.calls, Failed: k.failed, Rate: float64(recent) / rateWindow, Typical: k.typical(), LastErrorAt: k.lastErrorAt,
		}
		if k.state == Ejected {
			replica.Reason = reasons[addr]
		}
		if !k.lastErrorAt.IsZero() {
			replica.LastError = k.lastError.String()
		}
		list = append(list, replica)
	}
	for i := range list {
		list[i].Share = list[i].Rate * rateWindow / float64(max(all, 1))
	}
	slices.SortFunc(list, func(a, b Replica) int { return cmp.Compare(a.Address, b.Address) })
	return list
}

// recent returns how many calls ended in the last rateWindow whole seconds.
func (k *known) recent(now time.Time) (n int64) {
	for _, s := range k.seconds {
		if age := now.Unix() - s.unix; age >= 1 && age <= rateWindow {
			n += s.calls
		}
	}
	return n
}

func (k *known) typical() time.Duration {
	if k.timed == 0 {
		return 0
	}
	times := slices.Clone(k.times[:min(k.timed, timesKept)])
	slices.Sort(times)
	return times[len(times)/2]
}
