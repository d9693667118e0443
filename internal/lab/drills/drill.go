package drills

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
	"bookstall/internal/lab/pgserver"
)

const (
	rate = 80              // calls a second
	lead = 3 * time.Second // time readers call before a script begins
	// longest bounds one drill. One that takes longer hangs.
	longest = 2 * time.Minute
)

var errTooLong = fmt.Errorf("the drill is not over after %v (longest)", longest)

// cost is what a drill may cost readers.
type cost int

const (
	planned   cost = iota // the shop knows in advance, or can do without what is missing
	unplanned             // no warning
	without               // no replica answers between the event and the relief
	counted               // no warning; the script limits the number of fallbacks, as there are few calls
	shopLost              // no warning, and requests in flight in the shop are lost
	overload              // more calls than the replicas can answer between the event and the relief
	anything              // an incident for other packages to watch: what it costs readers is not judged
)

// drill is one thing that happens to a shop.
type drill struct {
	name  string // also the name of its files
	shows string // what happens, in a few words
	cost  cost
	rate  float64      // calls a second; the usual rate if 0
	fleet fleet.Config // Bin and Log are set later; three replicas if Replicas is 0
	store store        // the store that the replicas share
	// needs returns what the machine lacks for the drill; nil if it needs nothing.
	needs func() error
	// script makes it happen under load. The load ends when it returns.
	script script
}

// script makes a drill happen.
type script func(context.Context, *scene) error

// store is where replicas keep what readers do.
type store int

const (
	inMemory store = iota // each replica for itself
	inFile                // a file of SQLite
	inServer              // a PostgreSQL server
)

// options are how a drill is run.
type options struct {
	bin      string
	dir      string    // the drill's own folder, which it makes
	log      io.Writer // receives the timeline; nil for none
	fallback bool      // readers call a shop that always falls back
	watch    Watch     // nil for none
}

// scene is a drill that is running.
type scene struct {
	*fleet.Fleet

	opts     options
	shop     string           // URL that readers call
	database *pgserver.Server // server of the store; nil for none
	store    string           // URL of the store; "" for none

	mu       sync.Mutex
	began    time.Time // start of the load
	moments  []moment
	calls    []load.Call
	faults   []string
	figures  []string
	checks   []func(load.Report)
	watchers sync.WaitGroup
}

// moment is something that was done.
type moment struct {
	at   time.Time
	text string
	kind momentKind
}

type momentKind int

const (
	remark momentKind = iota
	event             // readers may notice from here on
	relief            // readers should soon notice nothing any more
)

// run runs the drill on a fleet of its own.
func (d drill) run(ctx context.Context, opts options) result {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errTooLong)
	defer cancel()
	s := &scene{opts: opts}
	report, err := d.play(ctx, s)
	r := result{drill: d, report: report, moments: s.moments, figures: s.figures, names: map[string]string{}}
	if s.Fleet != nil {
		for _, p := range s.Replicas() {
			r.names[strings.TrimPrefix(p.Admin, "http://")] = p.Name
		}
	}
	if err != nil {
		r.faults = append(r.faults, err.Error())
	} else {
		r.faults = append(r.faults, beyond(d.cost, s.moments, report)...)
		r.recovery = recovery(d.cost, s.moments, report.Started, s.calls)
	}
	r.faults = append(r.faults, s.faults...)
	return r
}

func (d drill) play(ctx context.Context, s *scene) (report load.Report, err error) {
	if err := os.MkdirAll(s.opts.dir, 0o750); err != nil {
		return report, err
	}
	log, err := os.Create(filepath.Join(s.opts.dir, "log"))
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	cfg := d.fleet
	cfg.Bin, cfg.Log = s.opts.bin, log
	cfg.Replicas = cmp.Or(cfg.Replicas, 3)
	cfg.ReplicaArgs = append([]string{"--faults"}, cfg.ReplicaArgs...)
	s.print("%s: %s", d.name, d.shows)
	switch d.store {
	case inFile:
		s.store = "sqlite:" + filepath.Join(s.opts.dir, "store.db")
	case inServer:
		if s.database, err = pgserver.Start(); err != nil {
			return report, err
		}
		defer s.database.Close()
		if s.store, err = s.database.NewDatabase(); err != nil {
			return report, err
		}
	case inMemory:
	}
	if s.store != "" {
		cfg.ReplicaArgs = append(cfg.ReplicaArgs, "--store="+s.store)
	}
	if s.Fleet, err = fleet.Start(cfg); err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.opts.watch != nil {
		finish, err := s.opts.watch(ctx, s.Fleet)
		if err != nil {
			return report, err
		}
		defer func() {
			first, _, _ := span(s.moments)
			finish(first)
		}()
	}
	s.shop = s.URL
	if s.opts.fallback {
		shop := httptest.NewServer(fallbackShop())
		defer shop.Close()
		s.shop = shop.URL
	}
	report, err = s.underLoad(ctx, cmp.Or(d.rate, rate), d.script)
	if err != nil {
		return report, err
	}
	for _, check := range s.checks {
		check(report)
	}
	return report, nil
}

// underLoad runs the script while readers call.
func (s *scene) underLoad(ctx context.Context, rate float64, do script) (load.Report, error) {
	loading, end := context.WithCancel(ctx)
	defer end()
	arriving := make(chan struct{})
	ended := make(chan error, 1)
	var report load.Report
	go func() {
		var err error
		report, err = load.Run(loading, load.Config{
			Shop: s.shop, Rate: rate, Retry: true, Seed: 1, Replicas: s.admins, Progress: s.progress,
			Observe: func(c load.Call) {
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.calls = append(s.calls, c); len(s.calls) == 1 {
					s.began = time.Now().Add(-c.Due - c.Latency)
					close(arriving)
				}
			},
		})
		ended <- err
	}()
	select {
	case <-arriving:
	case err := <-ended:
		return report, fmt.Errorf("load: %w", err)
	}
	s.wait(ctx, lead)
	err := do(ctx, s)
	if err == nil {
		err = context.Cause(ctx)
	}
	s.watchers.Wait()
	end()
	err = errors.Join(err, <-ended)
	return report, err
}

// admins returns the admin URLs of the replicas that run.
func (s *scene) admins(context.Context) (urls []string, err error) {
	for _, r := range s.Replicas() {
		select {
		case <-r.Ended():
		default:
			urls = append(urls, r.Admin)
		}
	}
	return urls, nil
}

// mark records that something is done now, and returns when.
func (s *scene) mark(kind momentKind, format string, args ...any) time.Time {
	return s.markAt(time.Now(), kind, format, args...)
}

// markAt records that something was done at a time, and returns it.
func (s *scene) markAt(at time.Time, kind momentKind, format string, args ...any) time.Time {
	m := moment{at, fmt.Sprintf(format, args...), kind}
	s.mu.Lock()
	s.moments = append(s.moments, m)
	s.mu.Unlock()
	s.print("%6.1f s  %s", m.at.Sub(s.began).Seconds(), m.text)
	return m.at
}

// fail makes the verdict FAIL.
func (s *scene) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// figure records what was measured beside the calls.
func (s *scene) figure(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	s.figures = append(s.figures, text)
	s.mu.Unlock()
	s.print("          %s", text)
}

// check registers a check of the load's report.
func (s *scene) check(do func(load.Report)) { s.checks = append(s.checks, do) }

// print prints a line of the timeline.
func (s *scene) print(format string, args ...any) {
	if s.opts.log != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(s.opts.log, format+"\n", args...)
	}
}

// progress prints one row of the timeline.
func (s *scene) progress(r load.Report) {
	for _, row := range r.Timeline {
		text := ""
		for _, p := range s.Replicas() {
			if n, ok := row.Replicas[strings.TrimPrefix(p.Admin, "http://")]; ok {
				text += fmt.Sprintf(" %s:%d", p.Name, n)
			}
		}
		s.print("%6.1f s  %s; max %.0f ms;%s", row.Start, row.Counts, row.Max, text)
	}
}
