package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bookstall/internal/fleet"
)

const (
	replicas = 3
	atOnce   = 3 // how many times longer clients are driven at once than alone
)

// scenario is something that the replicas go through.
type scenario struct {
	name string
	rate float64 // calls a second of each client; 0 for half of what the machine does with all of them
	// disturb does it to the replicas until stop is called.
	disturb func(ctx context.Context, f *fleet.Fleet) (stop func() error, err error)
	// alone lets the clients have turns, where what one does is felt by the others.
	// Else they are driven at once: what the machine does besides comes to all of
	// them.
	alone bool
}

// With the delay, replicas with so few places do 600 calls a second.
const (
	fewPlaces = 8
	longDelay = 40 * time.Millisecond
	mostCalls = replicas * fewPlaces * float64(time.Second/longDelay)
)

// scenarios are those of replicas as they are, and those of replicas with few
// places.
func scenarios() (free, few []scenario) {
	free = []scenario{
		{name: "all well, 100 calls a second of each", rate: 100, disturb: leave},
		{name: "all well, half of capacity", disturb: leave},
		{name: "one of three stops for 50 ms of each second", rate: 200, disturb: stopping(time.Second, 50*time.Millisecond)},
		{name: "one of three is 20 ms slower", rate: 150, disturb: slow(20*time.Millisecond, 1)},
		{name: "one of three stops for 1 s of each 3 s", rate: 200, disturb: stopping(3*time.Second, time.Second)},
	}
	few = []scenario{
		{name: "all at their limit, a quarter too many calls", rate: 1.25 * mostCalls, disturb: slow(longDelay, replicas), alone: true},
	}
	return free, few
}

func leave(context.Context, *fleet.Fleet) (func() error, error) {
	return func() error { return nil }, nil
}

// stopping stops one replica again and again, as the kernel does with a program
// that has used up its CPU time.
func stopping(every, length time.Duration) func(context.Context, *fleet.Fleet) (func() error, error) {
	return func(_ context.Context, f *fleet.Fleet) (func() error, error) {
		r := f.Replicas()[0]
		quit := make(chan struct{})
		var (
			worker sync.WaitGroup
			failed error
		)
		worker.Go(func() {
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			for failed == nil {
				select {
				case <-quit:
					return
				case <-ticker.C:
				}
				failed = r.Pause()
				time.Sleep(length)
				failed = errors.Join(failed, r.Resume())
			}
		})
		return func() error {
			close(quit)
			worker.Wait()
			return failed
		}, nil
	}
}

// slow delays each call of the first replicas.
func slow(delay time.Duration, n int) func(context.Context, *fleet.Fleet) (func() error, error) {
	return func(ctx context.Context, f *fleet.Fleet) (func() error, error) {
		set := func(ctx context.Context, faults string) error {
			for _, r := range f.Replicas()[:n] {
				if err := fleet.Fault(ctx, r.Admin, faults); err != nil {
					return err
				}
			}
			return nil
		}
		stop := func() error { return set(context.WithoutCancel(ctx), "{}") }
		return stop, set(ctx, fmt.Sprintf(`{"delay": %q}`, delay))
	}
}

// plan is how long things are measured.
type plan struct {
	rounds int
	turn   time.Duration
}

// measured are the blocks of one scenario, by client and round.
type measured struct {
	scenario

	ways   []string
	blocks [][]block
}

// measure runs some scenarios on a fleet of their own.
func measure(ctx context.Context, bin string, p plan, list []scenario, replicaArgs ...string) (results []measured, err error) {
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: replicas, ReplicaArgs: append(replicaArgs, "--faults")})
	if err != nil {
		return nil, fmt.Errorf("%w; run make build", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	clients, err := newClients(ctx, f)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(clients)) }()
	for _, s := range list {
		if s.rate == 0 {
			s.rate = clients[0].capacity(ctx, p.turn) / 2 / float64(len(clients))
			s.name += fmt.Sprintf(" (%.0f calls a second of each)", s.rate)
		}
		m, err := s.measure(ctx, f, clients, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		results = append(results, m)
	}
	return results, nil
}

// measure drives the clients in rounds. Before the first one, recent sees how it
// is now.
func (s scenario) measure(ctx context.Context, f *fleet.Fleet, clients []*client, p plan) (m measured, err error) {
	m = measured{scenario: s, blocks: make([][]block, len(clients))}
	for _, c := range clients {
		m.ways = append(m.ways, c.way)
		if err := c.settle(ctx); err != nil {
			return m, err
		}
	}
	stop, err := s.disturb(ctx, f)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s.round(ctx, clients, p.turn/4, 0)
	for n := range p.rounds {
		for i, b := range s.round(ctx, clients, p.turn, n+1) {
			m.blocks[i] = append(m.blocks[i], b)
		}
		if err := ctx.Err(); err != nil {
			return m, err
		}
	}
	return m, nil
}

// round drives each client for its turn, in an order that changes, or all of them
// at once for longer.
func (s scenario) round(ctx context.Context, clients []*client, turn time.Duration, n int) []block {
	list := make([]block, len(clients))
	if s.alone {
		for t := range clients {
			i := (n + t) % len(clients)
			list[i] = clients[i].drive(ctx, s.rate, turn, uint64(n))
		}
		return list
	}
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			list[i] = c.drive(ctx, s.rate, atOnce*turn, uint64(n*len(clients)+i))
		})
	}
	all.Wait()
	return list
}
