package policies

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"bookstall/balance"
	"bookstall/internal/lab/load"
	"bookstall/internal/lab/report"
)

// The replicas, to which one is added that is slow at first, and their clients.
const (
	warmTime   = 20 * time.Millisecond
	coldTime   = 10 * warmTime
	coldRate   = 100                    // calls a second of each client
	manySlots  = 1000                   // nothing waits
	lookupTime = 200 * time.Millisecond // between two lookups, so that all find the new replica at about the same time
)

// paced is a client that makes coldRate calls a second.
type paced struct {
	name string
	conn *grpc.ClientConn

	mu    sync.Mutex
	calls []pacedCall
	err   error // of one of the calls
}

type pacedCall struct {
	began time.Time
	took  time.Duration
	by    string // address of the replica
}

// measureCold measures clients with and without slow start and ejection, and stock
// round_robin, at the same time.
func measureCold(ctx context.Context, p plan) (t report.Table, err error) {
	servers, err := startCluster(manySlots, warmTime, warmTime, warmTime)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, servers.close()) }()
	// Stock round_robin is told the list at once: its own resolver would not find the replica.
	told := manual.NewBuilderWithScheme("told")
	told.InitialState(servers.state())
	stock, err := grpc.NewClient("told:///", grpc.WithResolvers(told), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		return t, err
	}
	defer stock.Close()
	list := []*paced{{name: "stock round_robin", conn: stock}}
	for _, c := range []struct {
		name    string
		options []balance.Option
	}{
		{"balance", nil},
		{"balance, slow start alone (WithoutEjection)", []balance.Option{balance.WithoutEjection()}},
		{"balance, ejection alone (WithSlowStart(0))", []balance.Option{balance.WithSlowStart(0)}},
	} {
		b, err := balance.New(append(c.options, balance.WithInterval(lookupTime))...)
		if err != nil {
			return t, err
		}
		defer b.Close()
		conn, err := dial(servers, b)
		if err != nil {
			return t, err
		}
		defer conn.Close()
		list = append(list, &paced{name: c.name, conn: conn})
	}

	calling, end := context.WithCancel(ctx)
	defer end()
	var running sync.WaitGroup
	for _, c := range list {
		running.Go(func() { c.run(calling) })
	}
	steady := time.Now().Add(p.learn)
	wait(ctx, p.learn+p.steady)
	fresh, err := servers.add(manySlots, coldTime)
	if err == nil {
		published := time.Now()
		servers.publish()
		told.UpdateState(servers.state())
		wait(ctx, p.cold)
		fresh.took.Store(int64(warmTime))
		wait(ctx, p.joined-p.cold+2*lookupTime)
		t = report.Table{Head: []string{"client", "p99 steady", "p99 from when it joined", "ratio", "calls to the new replica while it was slow"}}
		for _, c := range list {
			t.Add(c.row(p, steady, published, fresh.ip.String())...)
		}
	}
	end()
	running.Wait()
	for _, c := range list {
		err = errors.Join(err, c.err)
	}
	return t, errors.Join(err, ctx.Err())
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (c *cluster) state() (s resolver.State) {
	for _, server := range c.servers {
		s.Addresses = append(s.Addresses, resolver.Address{Addr: fmt.Sprintf("%s:%d", server.ip, c.port)})
	}
	return s
}

// run makes calls until ctx ends, and waits for them.
func (c *paced) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / coldRate)
	defer ticker.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		running.Go(func() {
			var at peer.Peer
			began := time.Now()
			err := do(context.WithoutCancel(ctx), c.conn, grpc.WaitForReady(true), grpc.Peer(&at))
			call := pacedCall{began: began, took: time.Since(began)}
			if at.Addr != nil {
				call.by = at.Addr.String()
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.calls = append(c.calls, call)
			if err != nil {
				c.err = fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
}

// row returns what a client measured around the time when the replica with this IP address
// was published.
func (c *paced) row(p plan, steady, published time.Time, ip string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	joined, cold := published, 0
	for _, call := range c.calls {
		if strings.HasPrefix(call.by, ip+":") {
			if joined.Equal(published) || call.began.Before(joined) {
				joined = call.began
			}
			if call.began.Before(published.Add(p.cold)) {
				cold++
			}
		}
	}
	before, after := c.p99(steady, published), c.p99(joined, joined.Add(p.joined))
	return []string{c.name, fmt.Sprintf("%.1f ms", before), fmt.Sprintf("%.1f ms", after), fmt.Sprintf("%.1f", after/before), fmt.Sprint(cold)}
}

// p99 returns the p99, in milliseconds, of the calls that began between two times. The
// caller holds c.mu.
func (c *paced) p99(from, until time.Time) float64 {
	var closed load.Timed
	for _, call := range c.calls {
		if !call.began.Before(from) && call.began.Before(until) {
			closed.Took = append(closed.Took, call.took)
		}
	}
	return closed.Quantiles(0.99)[0]
}
