package balance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/codes"
)

// An Option changes one setting of a Balancer. Of two that change the same one, the later
// holds.
type Option func(*config)

// A Probe makes a cheap call over conn, one that changes nothing. An error means that the
// replica is sick, and so does, at an ejected one, a call that is much slower than usual;
// RESOURCE_EXHAUSTED means that it is busy, which passes. ctx has a deadline.
type Probe func(ctx context.Context, conn grpc.ClientConnInterface) error

type config struct {
	service       string
	noHealth      bool
	probe         Probe
	interval      time.Duration
	lookupTimeout time.Duration
	maxStale      time.Duration
	eject         bool
	ejection      Ejection
	faultCodes    []codes.Code
	slowStart     time.Duration
	policy        string
	policyConfig  string
	serviceConfig string
	servedBy      func(reply any) string
	waitTrailer   string
	log           *slog.Logger
	observer      Observer
	excluded      func(context.Context, Change)
}

// WithHealthService names the service whose health is watched on each replica; one that is
// not SERVING receives no calls. The default is "", the health of the server as a whole.
// Name the service that is called: another program that was given the address of a former
// replica is healthy as well, but it does not know that name. A server without the health
// protocol counts as healthy.
func WithHealthService(name string) Option { return func(c *config) { c.service = name } }

// WithoutHealthCheck turns the watch of health off, for servers whose answer means
// something else.
func WithoutHealthCheck() Option { return func(c *config) { c.noHealth = true } }

// WithProbe sets the call that decides about a suspected or ejected replica, after a health
// check. Without it the health check decides alone, which a replica passes that hangs in
// everything else.
func WithProbe(p Probe) Option { return func(c *config) { c.probe = p } }

// WithInterval sets the time between two DNS lookups, ±10 % so that clients do not query in
// step. The default is 2 s: a new replica receives calls within about that time, and one
// query in two seconds costs a DNS server nothing. The least is 10 ms. While there is no
// list, lookups come sooner: after a tenth of the interval, then two, then four tenths each
// time.
func WithInterval(d time.Duration) Option { return func(c *config) { c.interval = d } }

// WithLookupTimeout bounds one DNS lookup. The default is 2 s.
func WithLookupTimeout(d time.Duration) Option { return func(c *config) { c.lookupTimeout = d } }

// WithMaxStale sets how long the last list stays in use while DNS answers that the name has
// no addresses, counted from the last answer with some. The default is 5 min: longer than
// most DNS trouble, and shorter than it usually takes until another program is given the
// address of a former replica. While DNS does not answer at all, the list stays without a
// bound.
func WithMaxStale(d time.Duration) Option { return func(c *config) { c.maxStale = d } }

// WithEjection changes when a replica is ejected; fields that are zero have their default.
func WithEjection(e Ejection) Option {
	return func(c *config) { c.eject, c.ejection = true, e }
}

// WithoutEjection turns ejection and suspicion off. Replicas that are down or not SERVING
// still receive no calls.
func WithoutEjection() Option { return func(c *config) { c.eject = false } }

// WithFaultCodes sets the codes that make an answer a fault of its replica. The default is
// Internal, Unknown and DataLoss. Leave Unknown out if handlers return errors without a status,
// which are Unknown, for what their callers did wrong. OK, Canceled, DeadlineExceeded,
// ResourceExhausted and Unavailable are judged by what else is known of the call, and refused here.
func WithFaultCodes(list ...codes.Code) Option {
	return func(c *config) { c.faultCodes = slices.Clone(list) }
}

// WithSlowStart sets the time in which the share of a new replica grows from a twentieth to
// the whole, so that a cold cache meets few calls. The default is 4 s. It stands still
// until a first call has ended, and while calls take more than twice as long as at the other
// replicas, for five times d at most. Replicas that come up together, or first, start with
// their whole share. 0 turns it off.
func WithSlowStart(d time.Duration) Option { return func(c *config) { c.slowStart = d } }

// WithPolicy sets the policy that chooses among the replicas that may receive calls, by its
// name in gRPC's registry, and its configuration in JSON, "" for none. The default is
// round_robin. The program must import the policy's package, as for example
// google.golang.org/grpc/balancer/leastrequest for least_request_experimental. pick_first,
// which calls one replica alone, is refused.
func WithPolicy(name, configJSON string) Option {
	return func(c *config) { c.policy, c.policyConfig = name, configJSON }
}

// WithServiceConfig adds to the service config, in JSON, such as methodConfig and
// retryThrottling. It must have neither loadBalancingConfig nor healthCheckConfig, which
// this package sets. The default adds nothing: whether a method may be retried is for its
// owner to say.
func WithServiceConfig(json string) Option {
	return func(c *config) { c.serviceConfig = json }
}

// WithServedBy sets a function that returns the name of the replica in the answer to a
// unary call, "" if it has none. With it, replicas have names in a Snapshot, and an IPv4
// and an IPv6 address of one name count as one replica. The default knows no names.
func WithServedBy(name func(reply any) string) Option { return func(c *config) { c.servedBy = name } }

// WithWaitTrailer sets the key of the trailer in which a replica says how long a call
// waited in its queue, as of time.Duration.String. That time does not count when a call is
// judged slow: a busy replica is not a slow one. The default is "", no such trailer.
func WithWaitTrailer(key string) Option { return func(c *config) { c.waitTrailer = key } }

// WithLogger sets where the list's changes, DNS trouble, ejections and readmissions are
// logged. The default discards them.
func WithLogger(log *slog.Logger) Option { return func(c *config) { c.log = log } }

// WithObserver sets who is told about lookups and changes of state, for example
// balanceprom.Metrics. The default is nobody.
func WithObserver(o Observer) Option { return func(c *config) { c.observer = o } }

// WithExclusion sets a function that is called when the outcome of a call makes its replica a
// suspect or ejects it, with the context of that attempt of the call: for an event of its span,
// for example. It must return at once. The default does nothing. Exclusions after a probe belong
// to no call; an Observer is told about them all.
func WithExclusion(excluded func(ctx context.Context, change Change)) Option {
	return func(c *config) { c.excluded = excluded }
}

// Ejection says when a replica is suspected, ejected and readmitted. A field that is zero
// has its default.
type Ejection struct {
	// Threshold is how many calls of one method in a row must fail or time out to eject a
	// replica. Default 3.
	Threshold int
	// MinTimeout is how long a call must have run for its timeout to say something about the
	// replica. A caller may have had less time left. Default 50 ms.
	MinTimeout time.Duration
	// A call is slow if it takes at least SlowFloor (default 50 ms, which a person may
	// notice) and at least SlowFactor (default 5) times the median of the other replicas.
	// SlowThreshold (default 5) slow calls in a row eject a replica if their starts are at
	// least SlowSpan (default 200 ms) apart, first to last: a pause of the garbage collector
	// or of a CPU limit delays many calls at once, and is over by then.
	SlowFloor     time.Duration
	SlowFactor    int
	SlowThreshold int
	SlowSpan      time.Duration
	// ProbeInterval is the time between two probes of an ejected replica, and the least time
	// between two suspicions of one. Default 1 s. It doubles, up to MaxProbeInterval (default
	// 30 s), each time the replica is ejected within a minute of its readmission.
	ProbeInterval    time.Duration
	MaxProbeInterval time.Duration
	// ProbeTimeout bounds one probe. Default 1 s.
	ProbeTimeout time.Duration
}

func (e Ejection) withDefaults() Ejection {
	return Ejection{
		Threshold:        cmp.Or(e.Threshold, 3),
		MinTimeout:       cmp.Or(e.MinTimeout, 50*time.Millisecond),
		SlowFloor:        cmp.Or(e.SlowFloor, 50*time.Millisecond),
		SlowFactor:       cmp.Or(e.SlowFactor, 5),
		SlowThreshold:    cmp.Or(e.SlowThreshold, 5),
		SlowSpan:         cmp.Or(e.SlowSpan, 200*time.Millisecond),
		ProbeInterval:    cmp.Or(e.ProbeInterval, time.Second),
		MaxProbeInterval: cmp.Or(e.MaxProbeInterval, max(30*time.Second, e.ProbeInterval)),
		ProbeTimeout:     cmp.Or(e.ProbeTimeout, time.Second),
	}
}

func newConfig(options []Option) (config, error) {
	c := config{
		interval: 2 * time.Second, lookupTimeout: 2 * time.Second, maxStale: 5 * time.Minute,
		eject: true, faultCodes: []codes.Code{codes.Internal, codes.Unknown, codes.DataLoss}, slowStart: 4 * time.Second, policy: roundrobin.Name,
		log: slog.New(slog.DiscardHandler), observer: nobody{}, excluded: func(context.Context, Change) {},
	}
	var wrong []error
	for i, set := range options {
		if set == nil {
			wrong = append(wrong, fmt.Errorf("%w: option %d of %d is nil", ErrOption, i+1, len(options)))
			continue
		}
		set(&c)
	}
	c.ejection = c.ejection.withDefaults()
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.observer == nil {
		c.observer = nobody{}
	}
	if c.excluded == nil {
		c.excluded = func(context.Context, Change) {}
	}
	e := c.ejection
	for _, check := range []struct {
		name string
		bad  bool
		want string
	}{
		{"WithInterval", c.interval < shortestInterval, "at least " + shortestInterval.String()},
		{"WithLookupTimeout", c.lookupTimeout <= 0, "more than 0"},
		{"WithMaxStale", c.maxStale < 0, "at least 0"},
		{"WithFaultCodes", slices.ContainsFunc(c.faultCodes, judgedOtherwise), "no code that is judged otherwise"},
		{"WithSlowStart", c.slowStart < 0, "at least 0"},
		{"Ejection.Threshold", e.Threshold < 0, "at least 1"},
		{"Ejection.MinTimeout", e.MinTimeout < 0, "more than 0"},
		{"Ejection.SlowFloor", e.SlowFloor < 0, "more than 0"},
		{"Ejection.SlowFactor", e.SlowFactor < 0, "at least 1"},
		{"Ejection.SlowThreshold", e.SlowThreshold < 0, "at least 1"},
		{"Ejection.SlowSpan", e.SlowSpan < 0, "more than 0"},
		{"Ejection.ProbeInterval", e.ProbeInterval < 0, "more than 0"},
		{"Ejection.MaxProbeInterval", e.MaxProbeInterval < e.ProbeInterval, "at least ProbeInterval"},
		{"Ejection.ProbeTimeout", e.ProbeTimeout < 0, "more than 0"},
	} {
		if check.bad {
			wrong = append(wrong, fmt.Errorf("%w: %s: want %s", ErrOption, check.name, check.want))
		}
	}
	return c, errors.Join(wrong...)
}

// buildServiceConfig returns the service config in JSON.
func (c *config) buildServiceConfig() (string, error) {
	if c.policy == pickfirst.Name {
		return "", fmt.Errorf("%w: WithPolicy: %s calls one replica alone; want a policy that spreads calls", ErrOption, c.policy)
	}
	child := json.RawMessage(cmp.Or(c.policyConfig, "{}"))
	if _, err := parseChild(c.policy, child); err != nil {
		return "", fmt.Errorf("%w: WithPolicy: %w", ErrOption, err)
	}
	fields := map[string]any{}
	if c.serviceConfig != "" {
		if err := json.Unmarshal([]byte(c.serviceConfig), &fields); err != nil {
			return "", fmt.Errorf("%w: WithServiceConfig: want a JSON object: %w", ErrOption, err)
		}
	}
	for _, own := range []string{"loadBalancingConfig", "loadBalancingPolicy", "healthCheckConfig"} {
		if _, ok := fields[own]; ok {
			return "", fmt.Errorf("%w: WithServiceConfig: %s is set by this package; use WithPolicy or WithHealthService", ErrOption, own)
		}
	}
	if fields == nil { // JSON's null
		fields = map[string]any{}
	}
	fields["loadBalancingConfig"] = []any{map[string]any{policyName: map[string]any{
		"childPolicy": []any{map[string]any{c.policy: child}},
	}}}
	if !c.noHealth {
		fields["healthCheckConfig"] = map[string]any{"serviceName": c.service}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("%w: WithServiceConfig: %w", ErrOption, err)
	}
	return string(text), nil
}

// parseChild returns the parsed configuration of a policy, nil if it takes none.
func parseChild(name string, text json.RawMessage) (childConfig, error) {
	b := balancer.Get(name)
	if b == nil {
		return childConfig{}, fmt.Errorf("no policy %q is registered: import its package", name)
	}
	if !json.Valid(text) {
		return childConfig{}, fmt.Errorf("the configuration of %s is not JSON", name)
	}
	child := childConfig{builder: b}
	if parser, ok := b.(balancer.ConfigParser); ok {
		var err error
		if child.config, err = parser.ParseConfig(text); err != nil {
			return childConfig{}, fmt.Errorf("the configuration of %s: %w", name, err)
		}
	}
	return child, nil
}

// shortestInterval bounds WithInterval: a program that means milliseconds and gives
// nanoseconds would otherwise keep a DNS server busy.
const shortestInterval = 10 * time.Millisecond

// minInterval is the shortest time between two lookups.
func (c *config) minInterval() time.Duration { return c.interval / 10 }
