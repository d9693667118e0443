package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os/exec"
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
	watchers    = 8 // live shelves at a time
	lookEvery   = 2 * time.Second
	// Between two events there are calls/churns calls, but leastChurn at least.
	churns     = 80
	leastChurn = 500
)

// soak is one that is under way.
type soak struct {
	*fleet.Fleet

	settings settings
	store    string
	out      io.Writer
	began    time.Time

	caller    *load.Caller
	transport *http.Transport // of the writers
	all       []*writer
	idle      chan *writer

	pinned *fleet.Link      // to the replica that stays
	others []*fleet.Replica // that do not, the oldest first
	happen int              // events so far

	begun atomic.Int64 // calls, for who counts on while they are made

	mu     sync.Mutex
	counts counts
}

func (s settings) play(ctx context.Context, dir string, stdout io.Writer) (r result, err error) {
	sk := &soak{settings: s, store: filepath.Join(dir, "store.db"), out: stdout}
	sk.counts.reasons = map[string]int64{}
	sk.Fleet, err = fleet.Start(fleet.Config{
		Bin: s.bin, Replicas: 3, Log: errorsOnly{sk},
		MarketplaceArgs: []string{"--pprof"},
		// Connections end all the time, too.
		ReplicaArgs: []string{"--pprof", "--store=sqlite:" + sk.store, "--max-connection-age=30s"},
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
	defer sk.rested()

	watched := []*process{{name: "marketplace", admin: sk.Admin}, {name: stays.Name, admin: stays.Admin}}
	sk.began = time.Now()
	if err := sk.segments(ctx, watched); err != nil {
		return r, err
	}
	r = result{settings: s, took: time.Since(sk.began), counts: sk.counts}
	for _, p := range watched {
		rows, err := judge(p.name, afterWarmUp(p.quiet, s.calls))
		if err != nil {
			return r, err
		}
		r.rows, r.points = append(r.rows, rows...), append(r.points, *p)
	}
	return r, nil
}

// open lets the first readers in.
func (s *soak) open(ctx context.Context) (err error) {
	if s.caller, err = load.NewCaller(ctx, load.Config{Shop: s.URL, Retry: true, Seed: 1, MaxInFlight: s.settings.workers}); err != nil {
		return err
	}
	s.transport = &http.Transport{MaxIdleConnsPerHost: s.settings.workers}
	s.idle = make(chan *writer, writers)
	for range writers {
		w, err := newWriter(ctx, s.URL, s.transport)
		if err != nil {
			return err
		}
		s.all = append(s.all, w)
		s.idle <- w
	}
	return nil
}

// rested leaves no connection of readers.
func (s *soak) rested() {
	s.caller.Rest()
	s.transport.CloseIdleConnections()
}

// segments makes all calls, with a quiet point after each part.
func (s *soak) segments(ctx context.Context, watched []*process) error {
	for n := int64(0); n <= quietPoints; n++ {
		until := s.settings.calls * n / quietPoints
		if err := s.segment(ctx, until, watched); err != nil {
			return err
		}
		s.rested()
		quiet, err := rest(ctx, restEvery, until, watched)
		if err != nil {
			return err
		}
		if !quiet {
			s.counts.restless++
		}
		s.tell(until, watched)
	}
	return nil
}

// segment makes calls until there are so many, while shelves are watched and
// replicas come and go. When it returns nothing is under way.
func (s *soak) segment(ctx context.Context, until int64, watched []*process) error {
	if s.begun.Load() >= until {
		return nil
	}
	aside, stop := context.WithCancel(ctx)
	defer stop()
	var calling, besides sync.WaitGroup
	for range s.settings.workers {
		calling.Go(func() { s.work(ctx, until) })
	}
	for range watchers {
		besides.Go(func() { s.watch(aside) })
	}
	var churned error
	besides.Go(func() { churned = s.churn(ctx, aside.Done()) })
	besides.Go(func() { s.lookOn(aside, watched) })
	calling.Wait()
	stop()
	besides.Wait()
	return errors.Join(churned, ctx.Err())
}

// work makes one call after another.
func (s *soak) work(ctx context.Context, until int64) {
	for ctx.Err() == nil {
		if s.begun.Add(1) > until {
			s.begun.Add(-1)
			return
		}
		s.count(s.call(ctx))
	}
}

func (s *soak) call(ctx context.Context) load.Call {
	if rand.Float64() >= writerShare {
		return s.caller.Call(ctx)
	}
	select {
	case w := <-s.idle:
		defer func() { s.idle <- w }()
		return w.turn(ctx)
	default: // all are at it
		return s.caller.Call(ctx)
	}
}

func (s *soak) count(c load.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.add(c)
}

func (c *counts) add(call load.Call) {
	c.Calls++
	switch call.Outcome {
	case load.Full, load.Late:
		c.Full++
	case load.Fallback:
		c.Fallback++
	case load.Shed:
		c.Shed++
	case load.Failed:
		c.Failed++
		c.reasons[call.Reason]++
	}
	if call.Retried {
		c.Retried++
	}
	if call.Kind == writeKind && call.Outcome == load.Full {
		c.writes++
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

// lookOn takes down what the processes hold while readers call.
func (s *soak) lookOn(ctx context.Context, watched []*process) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, p := range watched {
			u, err := p.look(ctx)
			if err != nil {
				continue // it tells at the quiet point, or the soak fails there
			}
			p.loaded = append(p.loaded, point{s.begun.Load(), u})
			s.say("%9s  %-12s %4.0f goroutines, %4.0f files, heap %s with garbage", grouped(s.begun.Load()), p.name, u.goroutines, u.files, megabytes(u.heap))
		}
	}
}

// churn lets things happen, each after so many calls, until over is closed. What
// has begun then is ended.
func (s *soak) churn(ctx context.Context, over <-chan struct{}) error {
	each := max(s.settings.calls/churns, leastChurn)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-over:
			return nil
		}
		if s.begun.Load() < each*int64(s.happen+1) {
			continue
		}
		s.happen++
		if err := s.event(ctx, s.happen); err != nil {
			return err
		}
	}
}

// event is the n-th thing that happens.
func (s *soak) event(ctx context.Context, n int) error {
	switch n % 8 {
	case 2, 6:
		s.pinned.Reset()
		s.counts.resets++
		s.say("connections of the replica that stays are reset")
		return nil
	case 4, 0:
		s.counts.trained++
		s.say("training")
		return s.command(ctx, "train", "--store=sqlite:"+s.store)
	default:
		return s.replace(n%8 == 7)
	}
}

// replace puts a new replica in the place of the oldest, which stops, or is lost.
func (s *soak) replace(lost bool) error {
	fresh, err := s.AddReplica()
	if err != nil {
		return err
	}
	old := s.others[0]
	s.others = append(s.others[1:], fresh)
	s.counts.replaced++
	if lost {
		s.counts.killed++
		s.say("%s is lost, %s takes its place", old.Name, fresh.Name)
		err := old.Kill()
		s.publish()
		return err
	}
	s.say("%s takes the place of %s", fresh.Name, old.Name)
	s.publish()
	if err := old.Stop(10 * time.Second); err != nil {
		return fmt.Errorf("%s: %w", old.Name, err)
	}
	return nil
}

// publish puts the replicas in DNS.
func (s *soak) publish() {
	ips := []netip.Addr{s.pinned.IP}
	for _, r := range s.others {
		ips = append(ips, r.IP)
	}
	s.PublishAddresses(ips...)
}

// command runs the program of the replicas once.
func (s *soak) command(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(s.settings.bin, "recommendations"), args...).CombinedOutput() //nolint:gosec // our own binary
	if err != nil {
		return fmt.Errorf("recommendations %s: %w: %s", args[0], err, out)
	}
	return nil
}

func (s *soak) say(format string, args ...any) {
	if s.settings.verbose {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// errorsOnly passes on what processes say went wrong; the rest is a line a call.
type errorsOnly struct{ soak *soak }

func (e errorsOnly) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"level":"error"`) {
		e.soak.say("%s", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}
