package main

import (
	"errors"
	"fmt"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/store"
)

// noStore is the value of --store that asks for no store.
const noStore = "none"

// settings are the flags and RECOMMENDATIONS_… variables of serve.
type settings struct {
	GRPCAddress   string `name:"grpc-address" help:"host:port to serve gRPC on." default:":50051"`
	AdminAddress  string `help:"host:port to serve health, metrics and build information on, for operators." default:":9090"`
	HealthAddress string `help:"host:port to serve the gRPC health service on in plaintext, for probes without TLS. Used with TLS only." default:":50052"`
	Name          string `help:"Name of this replica, in served_by of its answers; {pid} stands for the process id. Defaults to the host name."`

	Store     string `help:"Store of books, models and interactions: none, sqlite:FILE or postgres://…. With none, the default, the embedded demonstration is served and nothing is stored." default:"none" placeholder:"URL"`
	StoreFile string `help:"File with the URL of the store, which may have a password. It is read again at each connection to PostgreSQL." placeholder:"FILE"`
	Demo      bool   `help:"Fill an empty store with the embedded demonstration. Otherwise wait until books are imported." default:"true" negatable:""`
	Train     bool   `help:"Train a model if the store has none that fits its books. Otherwise wait for one and recommend bestsellers." default:"true" negatable:""`
	Workers   int    `help:"Goroutines to train on; 0 for one per CPU." default:"0"`

	MaxCalls   int           `help:"Concurrency limit for unary calls. Writes and catalogue reads each have the same limit of their own. Calls beyond it wait." default:"256"`
	MaxQueue   int           `help:"Queue length for each limit; 0 for no queue. Calls beyond it are refused with RESOURCE_EXHAUSTED." default:"256"`
	QueueWait  time.Duration `help:"How long a call may wait before it is refused, but at most half of the time left until its deadline." default:"100ms"`
	MaxStreams int           `help:"How many live shelves may be followed at a time. Streams beyond that are refused." default:"4000"`

	MaxConnections        int           `help:"How many clients may be connected at a time. For a connection beyond that, the one that has been without calls longest is closed. Fewer, if the limit of open files leaves no room." default:"1000"`
	MaxConnectionAge      time.Duration `help:"Close connections gracefully after about this time, so that clients find new replicas; 0 for never." default:"5m"`
	MaxConnectionAgeGrace time.Duration `help:"How long calls on such a connection may still run." default:"30s"`
	DrainDelay            time.Duration `help:"How long to keep serving while not ready, so that clients notice, before draining." default:"3s"`
	DrainTimeout          time.Duration `help:"How long calls in flight may take while draining." default:"10s"`

	TLS     rpc.TLSFiles     `embed:"" prefix:"tls-"`
	Clients rpc.TLSClients   `embed:"" prefix:"tls-"`
	Log     telemetry.Config `embed:""`
	Pprof   bool             `help:"Serve /debug/pprof on the admin address."`

	Faults bool `help:"Enable fault injection by /debug/fault on the admin address. For drills only."`

	Tutorial            bool   `help:"Also serve the examples of docs/tutorial.md on the gRPC address. For learners only."`
	TutorialRESTAddress string `name:"tutorial-rest-address" help:"host:port to serve the REST example on. Used with --tutorial only." default:":8081"`
}

// Validate is called by Kong. It reports all faults at once.
func (s *settings) Validate() error {
	var errs []error
	if s.StoreFile != "" && s.Store != noStore {
		errs = append(errs, errors.New("--store and --store-file are both set, want one of them"))
	} else if s.StoreFile != "" {
		var err error
		if s.Store, err = config.FromFile("--store-file", s.StoreFile); err != nil {
			return err
		}
	}
	if s.Store != noStore {
		if err := store.CheckURL(s.Store); err != nil {
			errs = append(errs, fmt.Errorf("--store is neither none nor a valid store: %w", err))
		}
	}
	if s.Workers < 0 {
		errs = append(errs, fmt.Errorf("--workers is %d, want 0 or more", s.Workers))
	}
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"--max-calls", s.MaxCalls, 1}, {"--max-queue", s.MaxQueue, 0}, {"--max-streams", s.MaxStreams, 1}, {"--max-connections", s.MaxConnections, 1}} {
		if n.value < n.least {
			errs = append(errs, fmt.Errorf("%s is %d, want %d or more", n.flag, n.value, n.least))
		}
	}
	errs = append(errs,
		config.AtLeast("--queue-wait", s.QueueWait, time.Millisecond),
		config.AtLeast("--max-connection-age", s.MaxConnectionAge, 0),
		config.AtLeast("--max-connection-age-grace", s.MaxConnectionAgeGrace, 0),
		config.AtLeast("--drain-delay", s.DrainDelay, 0),
		config.AtLeast("--drain-timeout", s.DrainTimeout, 0),
		s.TLS.Validate(),
		s.Clients.ValidateFor(s.TLS),
	)
	return errors.Join(errs...)
}

// followAge returns how long a Follow stream may last: less than the grace of an old
// connection, so that the stream ends before the connection is cut.
func (s settings) followAge() time.Duration {
	const longest = time.Hour
	if s.MaxConnectionAge == 0 || s.MaxConnectionAgeGrace == 0 {
		return longest
	}
	return min(longest, s.MaxConnectionAgeGrace*4/5)
}
