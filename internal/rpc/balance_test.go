package rpc

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"bookstall/internal/dnsserver"
)

func TestCallsAreSpreadEvenly(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	before := make([]int64, 3)
	for i, r := range s.replicas {
		before[i] = r.calls.Load()
	}
	for range 300 {
		if err := call(s.client, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range s.replicas {
		if got := r.calls.Load() - before[i]; got != 100 {
			t.Errorf("replica %d got %d of 300 calls, want 100", i+1, got)
		}
	}
}

func TestANewReplicaInDNSGetsCallsWithinAnInterval(t *testing.T) {
	s := openShop(t, 2, nil)
	s.settled(t)
	fresh := s.add(t, 2, nil)
	s.publish(s.replicas...)
	began := time.Now()
	s.until(t, "the new replica gets a call", func() bool { return fresh.calls.Load() > 0 })
	if took := time.Since(began); took > 20*dnsInterval {
		t.Errorf("first call after %v; DNS is asked every %v", took, dnsInterval)
	}
}

func TestTroubleWithDNSCostsNoCall(t *testing.T) {
	for name, behavior := range map[string]dnsserver.Behavior{
		"NXDOMAIN": dnsserver.NXDomain, "SERVFAIL": dnsserver.ServFail, "no answer": dnsserver.Dropped,
		"empty answer": dnsserver.Empty, "new order each time": dnsserver.Rotated,
	} {
		t.Run(name, func(t *testing.T) {
			s := openShop(t, 2, nil)
			s.settled(t)
			s.dns.SetBehavior(behavior)
			asked := s.dns.Queries(testName)
			s.until(t, "DNS was asked twice more", func() bool { return s.dns.Queries(testName) >= asked+2 })
			before := []int64{s.replicas[0].calls.Load(), s.replicas[1].calls.Load()}
			for range 20 {
				if err := call(s.client, time.Second); err != nil {
					t.Fatal(err)
				}
			}
			for i, r := range s.replicas {
				if got := r.calls.Load() - before[i]; got != 10 {
					t.Errorf("replica %d got %d of 20 calls, want 10", i+1, got)
				}
			}
		})
	}
}

func TestAProxyInTheEnvironmentIsNotUsed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	s := openShop(t, 1, nil)
	if err := call(s.client, 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestAReplicaThatIsNotServingGetsNoCalls(t *testing.T) {
	s := openShop(t, 2, nil)
	s.settled(t)
	sick := s.replicas[0]
	sick.ready.Set(false, "sick")
	// It goes on answering and stays in DNS: only its health says so.
	began := time.Now()
	s.until(t, "ten calls in a row pass the sick replica by", passedBy(sick, 10))
	if took := time.Since(began); took > 300*time.Millisecond {
		t.Errorf("the sick replica got calls for %v", took)
	}
	sick.ready.Set(true, "")
	from := sick.calls.Load()
	s.until(t, "the replica is back", func() bool { return sick.calls.Load() > from })
}

// passedBy returns a condition for until: n calls in a row that r did not get.
func passedBy(r *replica, n int) func() bool {
	last, inARow := r.calls.Load(), -1
	return func() bool {
		if now := r.calls.Load(); now != last {
			last, inARow = now, 0
		} else {
			inARow++
		}
		return inARow >= n
	}
}

func TestAStrangerOnAUsedAddressGetsNoCalls(t *testing.T) {
	s := openShop(t, 2, nil)
	s.settled(t)
	// Another gRPC program, healthy in general, now has the address of one.
	old := s.replicas[1]
	addr := old.Addr().String()
	old.end(t, time.Second)
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	stranger := &replica{}
	srv := grpc.NewServer()
	srv.RegisterService(testDesc(), stranger)
	healthpb.RegisterHealthServer(srv, health.NewServer()) // SERVING for ""
	done := make(chan error, 1)
	go func() { done <- srv.Serve(lis) }()
	defer func() {
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	s.replicas = s.replicas[:1]
	until := time.Now().Add(2 * time.Second) // reconnects come within one
	s.until(t, "two seconds passed", func() bool { return time.Now().After(until) })
	if got := stranger.calls.Load(); got != 0 {
		t.Errorf("the stranger got %d calls", got)
	}
}

func TestAHangingReplicaIsTakenOutAndAProbeLetsItBackIn(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	sick := s.replicas[0]
	sick.answer(func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})
	timeouts, gone := 0, passedBy(sick, 30)
	for began := time.Now(); !gone(); {
		if time.Since(began) > 5*time.Second {
			t.Fatal("the hanging replica still gets calls")
		}
		if err := call(s.client, 100*time.Millisecond); err != nil {
			timeouts++
		}
	}
	// Its calls end in timeouts; the third in a row ejects it, and one more may be
	// on its way until the balancer has the list.
	if timeouts < ejectAfter || timeouts > ejectAfter+1 {
		t.Errorf("%d calls timed out before the hanging replica was ejected, want %d", timeouts, ejectAfter)
	}
	// Its health is good all the while; that alone does not let it back in.
	for until := time.Now().Add(3 * probeInterval); time.Now().Before(until); {
		if err := call(s.client, 5*time.Second); err != nil {
			t.Fatalf("the hanging replica got a call: %v", err)
		}
	}

	sick.answer(func(_ context.Context, in string) (string, error) { return in, nil })
	from := sick.calls.Load()
	s.until(t, "a probe let it back in", func() bool { return sick.calls.Load() > from })
}

func TestAKilledReplicaCostsNoCall(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	// Calls take a moment, so that many are in flight when it dies.
	for _, r := range s.replicas {
		r.answer(func(ctx context.Context, in string) (string, error) {
			select {
			case <-time.After(5 * time.Millisecond):
				return in, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
	}
	stop := s.load()
	s.work(t)
	s.replicas[0].end(t, 0) // no time to finish anything
	s.work(t)
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("of %d calls failed %v, want none", total, failed)
	}
}

func TestADrainedReplicaCostsNoCall(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	stop := s.load()
	s.work(t)
	s.replicas[0].ready.Drain()
	s.work(t)
	s.replicas[0].end(t, 5*time.Second)
	s.work(t)
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("of %d calls failed %v, want none", total, failed)
	}
}

func TestAgeingConnectionsCostNoCall(t *testing.T) {
	s := openShop(t, 2, func(c *ServerConfig) {
		c.MaxConnectionAge, c.MaxConnectionAgeGrace = 200*time.Millisecond, time.Second
	})
	s.settled(t)
	stop := s.load()
	<-time.After(time.Second) // the length of the experiment: several ages
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("of %d calls failed %v, want none", total, failed)
	}
}

func TestWithoutReplicasTheAnswerComesAtOnce(t *testing.T) {
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	client := dial(t, fmt.Sprintf("dns://%s/%s:%d", dns.Addr(), testName, 50051), nil)
	began := time.Now()
	err = call(client, 10*time.Second)
	if status.Code(err) != codes.Unavailable || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v, want %v at once", time.Since(began), err, codes.Unavailable)
	}
}

func TestBothEndsAgreeOnKeepalive(t *testing.T) {
	client, server := clientKeepalive(), serverEnforcement()
	if client.Time < server.MinTime {
		t.Errorf("the client pings every %v, the server allows every %v", client.Time, server.MinTime)
	}
	if client.PermitWithoutStream && !server.PermitWithoutStream {
		t.Error("the client pings without calls, the server does not allow that")
	}
	if ping := serverKeepalive(0, 0); ping.Time <= client.Time {
		t.Errorf("the server pings after %v, before the client's %v can show it is there", ping.Time, client.Time)
	}
}
