package policies

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer/leastrequest"
	"google.golang.org/grpc/balancer/randomsubsetting"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/credentials/insecure"

	"bookstall/balance"
	"bookstall/internal/lab/load"
	"bookstall/internal/lab/report"
)

// The replicas, one of which is half as fast, and their clients.
const (
	slots    = 4 // calls that a replica runs at a time
	callTime = 10 * time.Millisecond
	clients  = 4
	callers  = 3 // of each client: as many as there are slots
)

// policy is one that is measured.
type policy struct{ name, config string }

func policies() []policy {
	return []policy{
		{roundrobin.Name, ""},
		// By default it believes what a replica reports only after 10 s.
		{weightedroundrobin.Name, `{"blackoutPeriod":"1s","weightUpdatePeriod":"0.5s"}`},
		{leastrequest.Name, `{"choiceCount":2}`},
		{randomsubsetting.Name, `{"subsetSize":2,"childPolicy":[{"round_robin":{}}]}`},
	}
}

// measurePolicies measures each policy on replicas of its own.
func measurePolicies(ctx context.Context, p plan) (report.Table, error) {
	t := report.Table{Head: []string{"policy", "share of the first", "of the second", "of the one that is half as fast", "calls a second", "p50", "p99"}}
	for _, chosen := range policies() {
		row, err := chosen.measure(ctx, p)
		if err != nil {
			return t, fmt.Errorf("%s: %w", chosen.name, err)
		}
		t.Add(row...)
	}
	return t, nil
}

func (p policy) measure(ctx context.Context, times plan) (row []string, err error) {
	servers, err := startCluster(slots, callTime, callTime, 2*callTime)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, servers.close()) }()
	// Ejection is off: the policy alone is measured.
	b, err := balance.New(balance.WithPolicy(p.name, p.config), balance.WithoutEjection())
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var conns []*grpc.ClientConn
	for range clients {
		conn, err := dial(servers, b)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	var turn atomic.Int64
	drive := func(length time.Duration) (load.Timed, error) {
		ctx, cancel := context.WithTimeout(ctx, length)
		defer cancel()
		closed := load.Drive(ctx, clients*callers, 1<<30, func(ctx context.Context) error {
			return do(ctx, conns[turn.Add(1)%clients], grpc.WaitForReady(true))
		})
		return closed, closed.Err
	}
	if _, err := drive(times.learn); err != nil {
		return nil, err
	}
	before := servers.counts()
	driven, err := drive(times.measure)
	if err != nil {
		return nil, err
	}
	row = []string{p.name}
	var sum int64
	after := servers.counts()
	for i := range after {
		after[i] -= before[i]
		sum += after[i]
	}
	for _, n := range after {
		row = append(row, fmt.Sprintf("%.0f %%", 100*float64(n)/float64(max(sum, 1))))
	}
	q := driven.Quantiles(0.5, 0.99)
	return append(row, fmt.Sprintf("%.0f", driven.Rate()), fmt.Sprintf("%.1f ms", q[0]), fmt.Sprintf("%.1f ms", q[1])), ctx.Err()
}

func (c *cluster) counts() (list []int64) {
	for _, s := range c.servers {
		list = append(list, s.calls.Load())
	}
	return list
}

func dial(c *cluster, b *balance.Balancer) (*grpc.ClientConn, error) {
	return grpc.NewClient(c.target(), append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
}
