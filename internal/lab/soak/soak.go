package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

const (
	quietPoints = 10
	watchers    = 8 // readers who watch a live shelf
	lookEvery   = 2 * time.Second
	// An event happens every calls/churns calls, but not more often than every
	// leastChurn calls.
	churns     = 80
	leastChurn = 500
)

// soak is a soak that is running.
type soak struct {
	*fleet.Fleet

	command Command
	store   string // URL
	out     io.Writer
	began   time.Time

	caller *load.Caller
	all    []*writer
	idle   chan *writer

	pinned *fleet.Link      // link to the replica that stays
	others []*fleet.Replica // replicas to replace, the oldest first
	events int              // number of events so far

	begun atomic.Int64 // calls

	mu     sync.Mutex
	counts counts
}

// play runs a soak of the programs in c.Bin.
func play(ctx context.Context, c Command, dir string, stdout io.Writer) (r result, err error) {
	sk := &soak{command: c, store: "sqlite:" + filepath.Join(dir, "store.db"), out: stdout}
	sk.counts.reasons = map[string]int64{}
	sk.Fleet, err = fleet.Start(fleet.Config{
		Bin: c.Bin, Replicas: 3, Log: errorsOnly{sk},
		MarketplaceArgs: []string{"--pprof"},
		// Connections also end by age, all the time.
		ReplicaArgs: []string{"--pprof", "--store=" + sk.store, "--max-connection-age=30s"},
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, sk.Close()) }()
	stays := sk.Replicas()[0]
	if sk.pinned, err = sk.AddLink(stays); err != nil {
		return r, err
	}
	sk.others = sk.Replicas()[1:]
	sk.publish()
	if err := sk.open(ctx); err != nil {
		return r, err
	}
	defer sk.caller.Rest()
	// Some methods are rare, so that one may be called for the first time after the warm-up.
	if err := callEachMethod(ctx, stays.GRPC); err != nil {
		return r, err
	}

	watched := []*process{{name: "marketplace", admin: sk.Admin}, {name: stays.Name, admin: stays.Admin}}
	sk.began = time.Now()
	if err := sk.segments(ctx, watched); err != nil {
		return r, err
	}
	r = result{command: c, took: time.Since(sk.began), counts: sk.counts}
	if r.exclusions, err = fleet.ReadExclusions(sk.Admin); err != nil {
		return r, err
	}
	for _, p := range watched {
		rows, err := judge(p.name, afterWarmUp(p.quiet, c.Calls))
		if err != nil {
			return r, err
		}
		r.rows, r.points = append(r.rows, rows...), append(r.points, *p)
	}
	return r, nil
}

// open makes the callers: the mix of a load, and the writers.
func (s *soak) open(ctx context.Context) (err error) {
	if s.caller, err = load.NewCaller(ctx, load.Config{Shop: s.URL, Retry: true, Seed: 1, MaxInFlight: s.command.Workers}); err != nil {
		return err
	}
	s.idle = make(chan *writer, writers)
	for range writers {
		w, err := newWriter(ctx, s.URL, s.caller)
		if err != nil {
			return err
		}
		s.all = append(s.all, w)
		s.idle <- w
	}
	return nil
}

// segments makes all calls, with a quiet point after each part.
func (s *soak) segments(ctx context.Context, watched []*process) error {
	for n := int64(0); n <= quietPoints; n++ {
		until := s.command.Calls * n / quietPoints
		if err := s.segment(ctx, until, watched); err != nil {
			return err
		}
		s.caller.Rest()
		restless, err := rest(ctx, restEvery, restWithin, until, watched)
		if err != nil {
			return err
		}
		if restless != "" {
			s.counts.restless = append(s.counts.restless, restless)
		}
		s.printQuiet(until, watched)
	}
	return nil
}

// segment makes calls up to a total of until, while live shelves are watched and
// replicas come and go. When it returns, nothing is in flight.
func (s *soak) segment(ctx context.Context, until int64, watched []*process) error {
	aside, stop := context.WithCancel(ctx)
	defer stop()
	var besides sync.WaitGroup
	for range watchers {
		besides.Go(func() { s.watch(aside) })
	}
	var churned error
	besides.Go(func() { churned = s.churn(ctx, aside.Done()) })
	besides.Go(func() { s.record(aside, watched) })
	load.Drive(ctx, s.command.Workers, int(until-s.begun.Load()), func(ctx context.Context) error {
		s.begun.Add(1)
		s.count(s.call(ctx))
		return nil
	})
	stop()
	besides.Wait()
	return errors.Join(churned, ctx.Err())
}

func (s *soak) call(ctx context.Context) load.Call {
	if rand.Float64() >= writerShare {
		return s.caller.Call(ctx)
	}
	select {
	case w := <-s.idle:
		defer func() { s.idle <- w }()
		return w.turn(ctx)
	default: // all are in use
		return s.caller.Call(ctx)
	}
}

func (s *soak) count(c load.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Add(c)
	if c.Outcome == load.Failed {
		s.counts.reasons[c.Reason]++
	}
	if c.Kind == writeKind && c.Outcome == load.Full {
		s.counts.writes++
	}
}

// watch watches one live shelf after another.
func (s *soak) watch(ctx context.Context) {
	for ctx.Err() == nil {
		shelves, err := s.all[rand.IntN(len(s.all))].watch(ctx)
		s.mu.Lock()
		s.counts.streams++
		s.counts.shelves += shelves
		if err != nil {
			s.counts.failedStreams++
			s.counts.reasons[err.Error()]++
		}
		s.mu.Unlock()
	}
}

// record records what the processes hold under load.
func (s *soak) record(ctx context.Context, watched []*process) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, p := range watched {
			u, err := p.measure(ctx)
			if err != nil {
				continue // if the process is gone, the quiet point fails
			}
			p.loaded = append(p.loaded, point{s.begun.Load(), u})
			s.print("%9s  %-12s %4.0f goroutines, %4.0f files, heap %s with garbage", grouped(s.begun.Load()), p.name, u.goroutines, u.files, megabytes(u.heap))
		}
	}
}

// churn makes events happen at regular numbers of calls, until over is closed. It
// completes the event that has begun.
func (s *soak) churn(ctx context.Context, over <-chan struct{}) error {
	each := max(s.command.Calls/churns, leastChurn)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-over:
			return nil
		}
		if s.begun.Load() < each*int64(s.events+1) {
			continue
		}
		s.events++
		if err := s.event(ctx, s.events); err != nil {
			return err
		}
	}
}

// event makes the n-th event happen.
func (s *soak) event(ctx context.Context, n int) error {
	switch n % 8 {
	case 2, 6:
		s.pinned.Reset()
		s.counts.resets++
		s.print("connections of the replica that stays are reset")
		return nil
	case 4, 0:
		s.counts.trained++
		s.print("training")
		_, err := fleet.Recommendations(ctx, s.command.Bin, "train", "--store="+s.store)
		return err
	default:
		return s.replace(n%8 == 7)
	}
}

// replace replaces the oldest replica, which is killed or stops in order.
func (s *soak) replace(kill bool) error {
	fresh, err := s.AddReplica()
	if err != nil {
		return err
	}
	old := s.others[0]
	s.others = append(s.others[1:], fresh)
	s.counts.replaced++
	if kill {
		s.counts.killed++
		s.print("%s replaces %s, which is killed", fresh.Name, old.Name)
		err := old.Kill()
		s.publish()
		return err
	}
	s.print("%s replaces %s", fresh.Name, old.Name)
	s.publish()
	return old.Stop(10 * time.Second)
}

// publish publishes the replicas in DNS.
func (s *soak) publish() {
	ips := []netip.Addr{s.pinned.IP}
	for _, r := range s.others {
		ips = append(ips, r.IP)
	}
	s.PublishAddresses(ips...)
}

// print prints a line with --verbose.
func (s *soak) print(format string, args ...any) {
	if s.command.Verbose {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// errorsOnly prints the errors that processes log; the rest is a line for each call.
type errorsOnly struct{ soak *soak }

func (e errorsOnly) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"level":"error"`) {
		e.soak.print("%s", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}
