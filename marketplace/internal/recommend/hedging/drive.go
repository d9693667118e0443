package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/internal/fleet"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const (
	patience   = 300 * time.Millisecond // the shop's own
	budgetPart = 0.05
	budgetMost = 20
)

// client is the shop's client of recommendations, over connections of its own,
// with or without hedging.
type client struct {
	way     string // of hedging
	shelf   func(ctx context.Context, user int64) recommend.Shelf
	hedges  *hedger // nil without
	ends    *ends
	closers []func() error
}

// ends counts how calls ended, hedged or not.
type ends struct {
	grpc.ClientConnInterface

	timedOut, refused, other atomic.Int64
}

func (e *ends) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	err := e.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	switch status.Code(err) {
	case codes.OK:
	case codes.DeadlineExceeded:
		e.timedOut.Add(1)
	case codes.ResourceExhausted:
		e.refused.Add(1)
	default:
		e.other.Add(1)
	}
	return err
}

const late = 10 * time.Millisecond // about the p99 of replicas that are well

// newClients returns a client without hedging, then those with.
func newClients(ctx context.Context, f *fleet.Fleet) (list []*client, err error) {
	for _, way := range []struct {
		name  string
		late  lateness
		apart bool
	}{
		{"none", nil, false},
		{"p95", newRecent(0.95, late), false},
		{"p95, to another replica", newRecent(0.95, late), true},
		{"10 ms", fixed(late), false},
		{"10 ms, to another replica", fixed(late), true},
	} {
		c, err := newClient(ctx, f, way.name, way.late, way.apart)
		if err != nil {
			return nil, errors.Join(err, closeAll(list))
		}
		list = append(list, c)
	}
	return list, nil
}

func closeAll(list []*client) error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// newClient returns a client whose second calls go to another replica for certain
// if it has a connection to each of them apart. It never ejects one then: to each
// connection its replica is the only one.
func newClient(ctx context.Context, f *fleet.Fleet, way string, late lateness, apart bool) (_ *client, err error) {
	c := &client{way: way, ends: &ends{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	grpcTarget, _ := f.Targets()
	targets := []string{grpcTarget}
	if apart {
		targets = nil
		for _, r := range f.Replicas() {
			name := r.Name + "." + fleet.Name
			f.DNS.SetA(name, r.IP)
			targets = append(targets, strings.Replace(grpcTarget, fleet.Name, name, 1))
		}
	}
	var conns []grpc.ClientConnInterface
	for _, target := range targets {
		conn, err := c.connect(ctx, target)
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
	}
	c.ends.ClientConnInterface = conns[0]
	if late != nil {
		c.hedges = &hedger{ClientConnInterface: conns[0], pick: onlyOver(conns[0]), late: late, budget: budget{share: budgetPart, most: budgetMost}}
		if apart {
			c.hedges.pick = inTurn(conns)
		}
		c.ends.ClientConnInterface = c.hedges
	}
	shelves, _ := recommend.New(recommend.Config{
		Conn: c.ends, Catalog: catalog.New(), Timeout: patience, WriteTimeout: patience, Log: logr.Discard(), Registry: prometheus.NewRegistry(),
	})
	c.shelf = func(ctx context.Context, user int64) recommend.Shelf {
		shelf, _ := shelves.Shelf(ctx, recommend.Query{UserID: user, MaxResults: 10}) // it falls back on any error
		return shelf
	}
	return c, c.settle(ctx)
}

// connect returns a connection as the shop has it, which close will end.
func (c *client) connect(ctx context.Context, target string) (grpc.ClientConnInterface, error) {
	tel, err := telemetry.New(ctx, "hedging", "hedging", telemetry.Config{LogLevel: "error"}, io.Discard)
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, tel.Close)
	conn, err := rpc.NewClient(rpc.ClientConfig{
		Target: target, Service: recommend.Service, Probe: recommend.Probe,
		DNSInterval: time.Second, DNSMaxStale: time.Minute, Telemetry: tel,
	})
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, conn.Close)
	return conn, nil
}

func (c *client) close() error {
	var errs []error
	for _, end := range slices.Backward(c.closers) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// settle returns once each of the replicas has answered: it may have been ejected.
func (c *client) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	for seen := map[string]bool{}; len(seen) < replicas; {
		if shelf := c.shelf(ctx, 1); shelf.Source != recommend.Fallback {
			seen[shelf.ServedBy] = true
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// block is what some seconds of calls saw.
type block struct {
	took                     []time.Duration // sorted; of all calls
	good                     int
	timedOut, refused, other int64
	sent, won, same          int64 // second calls
	elapsed                  time.Duration
}

func (c *client) counts() block {
	b := block{timedOut: c.ends.timedOut.Load(), refused: c.ends.refused.Load(), other: c.ends.other.Load()}
	if c.hedges != nil {
		b.sent, b.won, b.same = c.hedges.sent.Load(), c.hedges.won.Load(), c.hedges.same.Load()
	}
	return b
}

// drive makes calls at a rate, whether or not those before have ended, at moments
// that seed decides.
func (c *client) drive(ctx context.Context, rate float64, length time.Duration, seed uint64) block {
	before := c.counts()
	var (
		calls sync.WaitGroup
		mu    sync.Mutex
		b     block
	)
	arrivals := rand.New(rand.NewPCG(seed, 0))
	began := time.Now()
	for at := time.Duration(0); at < length && ctx.Err() == nil; at += time.Duration(arrivals.ExpFloat64() / rate * float64(time.Second)) {
		time.Sleep(time.Until(began.Add(at)))
		user := 1 + arrivals.Int64N(1000)
		calls.Go(func() {
			start := time.Now()
			shelf := c.shelf(ctx, user)
			took := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			b.took = append(b.took, took)
			if shelf.Source != recommend.Fallback {
				b.good++
			}
		})
	}
	calls.Wait()
	b.elapsed = time.Since(began)
	slices.Sort(b.took)
	now := c.counts()
	b.timedOut, b.refused, b.other = now.timedOut-before.timedOut, now.refused-before.refused, now.other-before.other
	b.sent, b.won, b.same = now.sent-before.sent, now.won-before.won, now.same-before.same
	return b
}

// capacity returns how many calls a second this machine does, some at a time.
func (c *client) capacity(ctx context.Context, length time.Duration) float64 {
	var calls sync.WaitGroup
	var made atomic.Int64
	began := time.Now()
	for i := range 16 {
		calls.Go(func() {
			for time.Since(began) < length && ctx.Err() == nil {
				c.shelf(ctx, int64(1+i))
				made.Add(1)
			}
		})
	}
	calls.Wait()
	return float64(made.Load()) / time.Since(began).Seconds()
}
