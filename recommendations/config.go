package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/store"
)

// noStore is the setting of --store for none.
const noStore = "none"

// The commands, as the parser calls them: with their arguments.
const (
	serveCommand          = "serve"
	healthcheckCommand    = "healthcheck"
	importCommand         = "import"
	exportCommand         = "export <dir>"
	trainCommand          = "train"
	modelsListCommand     = "models list"
	modelsShowCommand     = "models show <version>"
	modelsActivateCommand = "models activate <version>"
	modelsRollbackCommand = "models rollback"
	modelsAddCommand      = "models add <file>"
	evaluateCommand       = "evaluate"
)

// commands are what the program can be told to do.
type commands struct {
	Serve       settings      `cmd:"" default:"withargs" help:"Serve gRPC; what happens without a command."`
	Healthcheck healthcheck   `cmd:"" help:"Ask a server on this host for its health; the exit status is 0 if it is SERVING, else 1."`
	Import      importing     `cmd:"" help:"Bring books and ratings from CSV files into a store: all of them or, when something goes wrong, none."`
	Export      exporting     `cmd:"" help:"Write books, ratings and what readers did to CSV files, which import --from brings back."`
	Train       trainer       `cmd:"" help:"Train a model from a store, keep it there and activate it."`
	Models      modelCommands `cmd:"" help:"List, show, activate and roll back the models of a store."`
	Evaluate    evaluation    `cmd:"" help:"Measure how well held-out readers are served, beside simple methods; the data are given in files."`
}

// settings are all that can be set, by flag or by RECOMMENDATIONS_… variable.
type settings struct {
	GRPCAddress   string `name:"grpc-address" help:"host:port that gRPC is served on." default:":50051"`
	AdminAddress  string `help:"host:port of health, metrics and build information for operators." default:":9090"`
	HealthAddress string `help:"host:port of the gRPC health service in plaintext, for probes that cannot do TLS; used with TLS only." default:":50052"`
	Name          string `help:"Name of this replica, which answers carry as served_by; the host name if empty."`

	Store   string `help:"Where books, models and what readers do are kept: sqlite:FILE, or postgres://…; none for the embedded demonstration, which remembers nothing." default:"none" placeholder:"URL"`
	Demo    bool   `help:"Fill an empty store with the embedded demonstration; else wait until books are imported." default:"true" negatable:""`
	Train   bool   `help:"Train a model where the store has none that fits its books; else wait for one, and recommend bestsellers." default:"true" negatable:""`
	Workers int    `help:"Goroutines to train on; 0 for one a CPU." default:"0"`

	MaxCalls   int           `help:"How many calls to work on at a time, and besides as many that write and as many that list the catalogue; more of them wait." default:"256"`
	MaxQueue   int           `help:"How many calls of each kind may wait; more are refused (RESOURCE_EXHAUSTED); 0 for none." default:"256"`
	QueueWait  time.Duration `help:"How long a call may wait before it is refused; half of the time that its caller has left if that is less." default:"100ms"`
	MaxStreams int           `help:"How many streams may be open besides, which live shelves come by; more are refused." default:"4000"`

	MaxConnectionAge      time.Duration `help:"Close connections after about this time, gracefully, so that callers find new replicas; 0 for never." default:"5m"`
	MaxConnectionAgeGrace time.Duration `help:"How long a call may go on after that." default:"30s"`
	DrainDelay            time.Duration `help:"How long to serve on after saying not ready, so that callers notice." default:"3s"`
	DrainTimeout          time.Duration `help:"How long calls in flight may take after that." default:"10s"`

	TLS   rpc.TLSFiles     `embed:"" prefix:"tls-"`
	Log   telemetry.Config `embed:""`
	Pprof bool             `help:"Serve /debug/pprof on the admin address."`

	Faults bool `help:"Let /debug/fault on the admin address make this replica misbehave; for drills only."`

	Tutorial            bool   `help:"Answer the examples of docs/tutorial.md too, on the gRPC address; for learners only."`
	TutorialRESTAddress string `name:"tutorial-rest-address" help:"host:port of the one that is answered over REST; used with --tutorial only." default:":8081"`
}

// Validate is called by the parser. It reports all faults at once.
func (s *settings) Validate() error {
	var errs []error
	if s.Store != noStore {
		if err := store.CheckURL(s.Store); err != nil {
			errs = append(errs, fmt.Errorf("--store: %w", err))
		}
	}
	if s.Workers < 0 {
		errs = append(errs, fmt.Errorf("--workers is %d, want 0 or more", s.Workers))
	}
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"--max-calls", s.MaxCalls, 1}, {"--max-queue", s.MaxQueue, 0}, {"--max-streams", s.MaxStreams, 1}} {
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
	)
	return errors.Join(errs...)
}

// parse returns the command and what was set for it.
func parse(args []string, stdout, stderr io.Writer) (command string, c commands, err error) {
	command, err = config.Parse(config.Program{
		Name:        "recommendations",
		Description: "Answers over gRPC which books a reader may like. Part of Bookstall.",
		EnvPrefix:   "RECOMMENDATIONS",
		Serve:       serveCommand,
	}, &c, args, stdout, stderr)
	return command, c, err
}

// followAge is how long a Follow stream may last. A connection that is old enough
// is closed within its grace, which cuts what still runs on it: streams end
// before.
func (s settings) followAge() time.Duration {
	const longest = time.Hour
	if s.MaxConnectionAge == 0 || s.MaxConnectionAgeGrace == 0 {
		return longest
	}
	return min(longest, s.MaxConnectionAgeGrace*4/5)
}

// fill puts what this host has in the place of what was left open.
func (s *settings) fill() (err error) {
	if s.Name, err = config.NameOr(s.Name); err != nil {
		return err
	}
	if s.Workers == 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	return nil
}
