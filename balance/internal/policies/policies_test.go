package policies

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest"
	_ "google.golang.org/grpc/balancer/randomsubsetting"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/status"

	"bookstall/balance"
	"bookstall/balance/internal/testnet"
)

// policy is a child policy and what share of the calls it gives to each of four replicas,
// the first of which is slower than the others.
type policy struct {
	name, config string
	// slow is the bounds of the slow replica's share, others of each other's. random_subsetting
	// has no bounds for a replica that it does not use.
	slow, others [2]float64
	used         int
}

const (
	replicas = 4
	callers  = 8
	quick    = 5 * time.Millisecond
	slow     = 40 * time.Millisecond // so much more that a busy machine does not hide it
)

func policies() []policy {
	return []policy{
		{
			// Takes turns, however long a call takes.
			name: "round_robin", used: replicas,
			slow: [2]float64{0.23, 0.27}, others: [2]float64{0.23, 0.27},
		},
		{
			// Weights are calls a second divided by utilisation, which the replicas report: 100 and
			// 800. So the slow one has 1/25 of the calls, once the weights are known.
			name: "weighted_round_robin", used: replicas,
			config: `{"blackoutPeriod":"0.1s","weightUpdatePeriod":"0.1s"}`,
			slow:   [2]float64{0.02, 0.06}, others: [2]float64{0.30, 0.34},
		},
		{
			// Takes the one of two random choices that has fewer calls in flight. A call that chooses
			// the slow one and another at a moment when it is busier goes to the other. The bound
			// is a share that is clearly less than a quarter.
			name: "least_request_experimental", used: replicas, config: `{"choiceCount":2}`,
			slow: [2]float64{0.02, 0.20}, others: [2]float64{0.22, 0.34},
		},
		{
			// Takes turns among two replicas, which it chose at random.
			name: "random_subsetting_experimental", used: 2,
			config: `{"subsetSize":2,"childPolicy":[{"round_robin":{}}]}`,
			slow:   [2]float64{0.47, 0.53}, others: [2]float64{0.47, 0.53},
		},
	}
}

// shop is four replicas and a client.
type shop struct {
	replicas []*testnet.Replica
	balancer *balance.Balancer
	conn     *grpc.ClientConn
}

// serve returns a handler that takes as long as given, and reports the utilisation and the
// rate of a replica that is loaded accordingly.
func serve(took time.Duration) testnet.Handler {
	return func(ctx context.Context) error {
		time.Sleep(took) // the replica's work
		if r := orca.CallMetricsRecorderFromContext(ctx); r != nil {
			r.SetQPS(100)
			r.SetApplicationUtilization(float64(took) / float64(slow))
		}
		return nil
	}
}

// open starts replicas of which the first takes as long as given for a call, and the others
// are quick.
func open(t *testing.T, network int, p policy, first time.Duration, options ...balance.Option) *shop {
	t.Helper()
	list, err := testnet.StartReplicas(network, replicas, orca.CallMetricsServerOption(nil))
	if err != nil {
		t.Fatal(err)
	}
	dns, err := testnet.StartDNS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	var ips []string
	for i, r := range list {
		t.Cleanup(r.Stop)
		ips = append(ips, r.IP())
		r.Answer(serve(map[bool]time.Duration{true: first, false: quick}[i == 0]))
	}
	dns.Set("books.test.", ips...)
	b, err := balance.New(append(options,
		balance.WithPolicy(p.name, p.config), balance.WithHealthService(testnet.Service), balance.WithProbe(func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := testnet.Call(ctx, conn)
			return err
		}))...,
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	target := "dns://" + dns.Addr() + "/books.test.:" + list[0].Port()
	conn, err := grpc.NewClient(target, append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.Connect()
	s := &shop{replicas: list, balancer: b, conn: conn}
	s.until(t, "the replicas serve", func() bool { return s.count(balance.Serving) == p.used })
	if unused := s.count(balance.Unused); unused != replicas-p.used {
		t.Fatalf("%d replicas are unused, want %d", unused, replicas-p.used)
	}
	return s
}

func (s *shop) count(state balance.State) (n int) {
	for _, r := range s.balancer.Replicas() {
		if r.State == state {
			n++
		}
	}
	return n
}

func (s *shop) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for began := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("waited 10 s: %s", what)
		}
	}
}

// load makes calls from several callers for a while, and returns how many each replica
// answered.
func (s *shop) load(t *testing.T, d time.Duration) []int64 {
	t.Helper()
	before := s.answered()
	var wg sync.WaitGroup
	until := time.Now().Add(d)
	for range callers {
		wg.Go(func() {
			for time.Now().Before(until) {
				if _, err := testnet.Call(t.Context(), s.conn); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	after := s.answered()
	for i := range after {
		after[i] -= before[i]
	}
	return after
}

func (s *shop) answered() (list []int64) {
	for _, r := range s.replicas {
		list = append(list, r.Calls())
	}
	return list
}

// TestShares measures the share of each replica with replicas of unequal speed. Ejection is
// off: on a busy machine, the slow one takes longer than is usual.
func TestShares(t *testing.T) {
	for i, p := range policies() {
		t.Run(p.name, func(t *testing.T) {
			s := open(t, 71+i, p, slow, balance.WithoutEjection())
			s.load(t, 500*time.Millisecond) // the weights become known
			counts := s.load(t, time.Second)
			var all int64
			for _, n := range counts {
				all += n
			}
			t.Logf("calls %d, shares of the slow replica and the others %s", all, shares(counts, all))
			for i, r := range s.balancer.Replicas() {
				if r.State == balance.Unused {
					if counts[i] != 0 {
						t.Errorf("%d calls at %s, which is unused", counts[i], r.Address)
					}
					continue
				}
				bounds := p.others
				if i == 0 {
					bounds = p.slow
				}
				if share := float64(counts[i]) / float64(all); share < bounds[0] || share > bounds[1] {
					t.Errorf("share of replica %d is %.3f of %d calls, want %.2f to %.2f", i+1, share, all, bounds[0], bounds[1])
				}
			}
		})
	}
}

func shares(counts []int64, all int64) string {
	var list []string
	for _, n := range counts {
		list = append(list, fmt.Sprintf("%.3f", float64(n)/float64(all)))
	}
	return strings.Join(list, " ")
}

// TestAnEjectedReplicaReceivesNothing has the first replica fail that the policy uses.
func TestAnEjectedReplicaReceivesNothing(t *testing.T) {
	for i, p := range policies() {
		t.Run(p.name, func(t *testing.T) {
			s := open(t, 81+i, p, quick)
			s.load(t, 300*time.Millisecond)
			sick := s.replicas[slices.IndexFunc(s.balancer.Replicas(), func(r balance.Replica) bool { return r.State == balance.Serving })]
			sick.Answer(func(context.Context) error { return status.Error(codes.Internal, "on purpose") })
			s.until(t, "the failing replica is ejected", func() bool {
				_, _ = testnet.Call(t.Context(), s.conn)
				return s.count(balance.Ejected) == 1
			})
			before := sick.Calls()
			// Shorter than the probe interval: the replica gets no probe either.
			counts := s.load(t, 500*time.Millisecond)
			if got := sick.Calls() - before; got != 0 {
				t.Errorf("%d calls at the ejected replica, want 0", got)
			}
			var all int64
			for _, n := range counts {
				all += n
			}
			if all < 100 {
				t.Errorf("%d calls in half a second, want at least 100", all)
			}
			sick.Answer(serve(quick))
			s.until(t, "a probe readmits it", func() bool { return s.count(balance.Serving) == p.used })
			if counts := s.load(t, 300*time.Millisecond); slices.Max(counts) == 0 || sick.Calls() == before {
				t.Errorf("calls %v after the readmission, want some at the replica that was ejected", counts)
			}
		})
	}
}
