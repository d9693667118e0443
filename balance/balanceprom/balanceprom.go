// Package balanceprom has Prometheus metrics for package balance. Metrics is an observer of
// any number of Balancers, and a collector to register:
//
//	metrics := balanceprom.New()
//	registry.MustRegister(metrics)
//	b, err := balance.New(balance.WithObserver(metrics))
//	metrics.Watch(b) // for a few series of each replica
//
// Each series has the label target, the dial target of the client; clients of one target
// share its series.
package balanceprom

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bookstall/balance"
)

// Metrics counts what Balancers do. It is safe for concurrent use.
type Metrics struct {
	endpoints    *prometheus.Desc
	serving      *prometheus.Desc
	ejected      *prometheus.Desc
	lookups      *prometheus.Desc
	emptyIgnored *prometheus.Desc
	ejections    *prometheus.Desc
	readmissions *prometheus.Desc
	suspicions   *prometheus.Desc
	listAge      *prometheus.Desc
	replicas     *prometheus.Desc

	replicaState, replicaCalls, replicaFailed, replicaRunning, replicaFirst *prometheus.Desc

	mu      sync.Mutex
	targets map[string]*target
	watched []Snapshots
}

// Snapshots is what Watch reads: a *balance.Balancer.
type Snapshots interface{ Snapshots() []balance.Snapshot }

// MaxReplicas bounds the replicas of a target that have series of their own.
const MaxReplicas = 64

// target is the figures of one target.
type target struct {
	states       map[balance.State]int // number of replicas by state
	lookups      map[balance.LookupResult]int
	emptyIgnored int
	ejections    map[string]int // by reason
	readmissions int
	suspicions   map[string]int // by result
	answered     time.Time      // when DNS last returned addresses; zero for never
}

// Results of a suspicion.
const (
	suspicionEjected = "ejected"
	suspicionOther   = "other" // it left the list, or no other was serving
)

// New returns Metrics whose names begin with "balance".
func New() *Metrics { return NewNamed("balance") }

// NewNamed returns Metrics whose names begin with namespace and an underscore.
func NewNamed(namespace string) *Metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, append([]string{"target"}, labels...), nil)
	}
	return &Metrics{
		endpoints:    desc("endpoints", "Replicas in the list that are not suspected or ejected."),
		serving:      desc("serving_endpoints", "Replicas that receive calls."),
		ejected:      desc("ejected_endpoints", "Replicas that are ejected at present."),
		lookups:      desc("lookups_total", "DNS lookups by result: ok, empty (the name has no addresses) or error (no answer).", "result"),
		emptyIgnored: desc("empty_answers_ignored_total", "Empty answers after which the last list stayed in use."),
		ejections:    desc("ejections_total", "Ejections by reason: errors, timeouts or slow calls in a row.", "reason"),
		readmissions: desc("readmissions_total", "Readmissions of ejected replicas after a probe succeeded."),
		suspicions: desc("suspicions_total",
			"Replicas that were taken out at a timeout or failure and probed, by result: ejected, probed (the probe passed), common (the others failed it as well) or other.", "result"),
		listAge:  desc("list_age_seconds", "Time since DNS last returned addresses; -1 before the first."),
		replicas: desc("replicas", "Replicas by state: connecting, serving, not serving, suspected, ejected or unused.", "state"),

		replicaState:   desc("replica_state", "1 for each replica, with its name, its state, and why it is suspected or ejected.", "replica", "name", "state", "reason"),
		replicaCalls:   desc("replica_calls_total", "Calls that ended at a replica since DNS listed it.", "replica"),
		replicaFailed:  desc("replica_failed_calls_total", "Those of them that failed through the replica's fault.", "replica"),
		replicaRunning: desc("replica_calls_running", "Calls that a replica has now, streams included.", "replica"),
		replicaFirst:   desc("replica_first_call_seconds", "Time from when DNS listed a replica until its first call ended.", "replica"),
		targets:        map[string]*target{},
	}
}

// Watch adds series of each replica of a Balancer, as long as DNS lists it: of the first
// MaxReplicas of a target, by address.
func (m *Metrics) Watch(b Snapshots) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watched = append(m.watched, b)
}

// at returns the figures of a target. The caller holds m.mu.
func (m *Metrics) at(name string) *target {
	t, ok := m.targets[name]
	if !ok {
		t = &target{
			states:  map[balance.State]int{},
			lookups: map[balance.LookupResult]int{balance.LookupOK: 0, balance.LookupEmpty: 0, balance.LookupError: 0},
			ejections: map[string]int{
				balance.ReasonErrors: 0, balance.ReasonTimeouts: 0, balance.ReasonSlow: 0,
			},
			suspicions: map[string]int{suspicionEjected: 0, balance.ReasonProbed: 0, balance.ReasonCommon: 0, suspicionOther: 0},
		}
		m.targets[name] = t
	}
	return t
}

// Looked implements balance.Observer.
func (m *Metrics) Looked(name string, result balance.LookupResult, addresses int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.at(name)
	t.lookups[result]++
	switch {
	case result == balance.LookupOK:
		t.answered = time.Now()
	case result == balance.LookupEmpty && addresses > 0:
		t.emptyIgnored++
	}
}

// Changed implements balance.Observer.
func (m *Metrics) Changed(name string, c balance.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.at(name)
	if c.From != "" {
		t.states[c.From]--
	}
	if c.To != "" {
		t.states[c.To]++
	}
	if c.To == balance.Ejected {
		t.ejections[c.Reason]++
	}
	if c.From == balance.Ejected && c.Reason == balance.ReasonProbed {
		t.readmissions++
	}
	if c.From != balance.Suspected {
		return
	}
	switch {
	case c.To == balance.Ejected:
		t.suspicions[suspicionEjected]++
	case c.Reason == balance.ReasonProbed || c.Reason == balance.ReasonCommon:
		t.suspicions[c.Reason]++
	default:
		t.suspicions[suspicionOther]++
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.endpoints, m.serving, m.ejected, m.lookups, m.emptyIgnored, m.ejections, m.readmissions, m.suspicions, m.listAge, m.replicas,
		m.replicaState, m.replicaCalls, m.replicaFailed, m.replicaRunning, m.replicaFirst,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.collectReplicas(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, t := range m.targets {
		gauge := func(d *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name)
		}
		counter := func(d *prometheus.Desc, value int, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), append([]string{name}, labels...)...)
		}
		gauge(m.endpoints, float64(t.states[balance.Connecting]+t.states[balance.Serving]+t.states[balance.NotServing]+t.states[balance.Unused]))
		gauge(m.serving, float64(t.states[balance.Serving]))
		gauge(m.ejected, float64(t.states[balance.Ejected]))
		age := -1.0
		if !t.answered.IsZero() {
			age = time.Since(t.answered).Seconds()
		}
		gauge(m.listAge, age)
		for _, state := range []balance.State{balance.Connecting, balance.Serving, balance.NotServing, balance.Suspected, balance.Ejected, balance.Unused} {
			to <- prometheus.MustNewConstMetric(m.replicas, prometheus.GaugeValue, float64(t.states[state]), name, string(state))
		}
		for result, n := range t.lookups {
			counter(m.lookups, n, string(result))
		}
		for reason, n := range t.ejections {
			counter(m.ejections, n, reason)
		}
		for result, n := range t.suspicions {
			counter(m.suspicions, n, result)
		}
		counter(m.emptyIgnored, t.emptyIgnored)
		counter(m.readmissions, t.readmissions)
	}
}

// collectReplicas collects the series of replicas. It takes a snapshot without m.mu, which
// observers wait for while the snapshot waits for them.
func (m *Metrics) collectReplicas(to chan<- prometheus.Metric) {
	m.mu.Lock()
	watched := slices.Clone(m.watched)
	m.mu.Unlock()
	type key struct{ target, address string }
	sums := map[key]balance.Replica{}
	count := map[string]int{} // by target
	for _, b := range watched {
		for _, s := range b.Snapshots() {
			for _, r := range s.Replicas {
				k := key{s.Target, r.Address}
				sum, known := sums[k]
				if r.State == balance.Gone || !known && count[s.Target] == MaxReplicas {
					continue
				}
				if !known { // clients of one target may judge a replica differently: the first of them is shown
					count[s.Target]++
					sums[k] = r
					continue
				}
				sum.Calls += r.Calls
				sum.Failed += r.Failed
				sum.Running += r.Running
				sums[k] = sum
			}
		}
	}
	for k, r := range sums {
		series := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, value, append([]string{k.target, k.address}, labels...)...)
		}
		series(m.replicaState, prometheus.GaugeValue, 1, r.Name, string(r.State), r.Reason)
		series(m.replicaCalls, prometheus.CounterValue, float64(r.Calls))
		series(m.replicaFailed, prometheus.CounterValue, float64(r.Failed))
		series(m.replicaRunning, prometheus.GaugeValue, float64(r.Running))
		if r.FirstCall > 0 {
			series(m.replicaFirst, prometheus.GaugeValue, r.FirstCall.Seconds())
		}
	}
}
