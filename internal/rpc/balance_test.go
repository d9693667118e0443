package rpc

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"bookstall/balance"
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
		if err := call(s.client, patience); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range s.replicas {
		if got := r.calls.Load() - before[i]; got != 100 {
			t.Errorf("replica %d received %d of 300 calls, want 100", i+1, got)
		}
	}
}

func TestANewReplicaInDNSReceivesCalls(t *testing.T) {
	s := openShop(t, 2, nil)
	s.settled(t)
	fresh := s.add(t, 2, nil)
	s.publish(s.replicas...)
	queries := s.dns.Queries(testName)
	s.until(t, "the new replica receives a call", func() bool { return fresh.calls.Load() > 0 })
	if n := s.dns.Queries(testName) - queries; n > 20 {
		t.Errorf("first call after %d queries, want at most 20", n)
	}
}

func TestDNSTroubleFailsNoCall(t *testing.T) {
	for name, behavior := range map[string]dnsserver.Behavior{
		"NXDOMAIN": dnsserver.NXDomain, "SERVFAIL": dnsserver.ServFail, "timeout": dnsserver.Dropped,
		"empty answer": dnsserver.Empty, "a new order in every answer": dnsserver.Rotated,
	} {
		t.Run(name, func(t *testing.T) {
			s := openShop(t, 2, nil)
			s.settled(t)
			s.dns.SetBehavior(behavior)
			queries := s.dns.Queries(testName)
			s.until(t, "two more lookups", func() bool { return s.dns.Queries(testName) >= queries+2 })
			before := []int64{s.replicas[0].calls.Load(), s.replicas[1].calls.Load()}
			for range 20 {
				if err := call(s.client, patience); err != nil {
					t.Fatal(err)
				}
			}
			for i, r := range s.replicas {
				if got := r.calls.Load() - before[i]; got != 10 {
					t.Errorf("replica %d received %d of 20 calls, want 10", i+1, got)
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

func TestAReplicaThatIsNotServingReceivesNoCalls(t *testing.T) {
	s := openShop(t, 2, nil)
	s.settled(t)
	sick := s.replicas[0]
	sick.ready.Set(false, "sick")
	// It would still answer, and DNS still lists it: only its health status has changed.
	before := sick.calls.Load()
	s.until(t, "ten calls in a row skip the sick replica", skips(sick, 10))
	if n := sick.calls.Load() - before; n > 500 { // some tenths of a second of them
		t.Errorf("the sick replica received %d calls more", n)
	}
	sick.ready.Set(true, "")
	from := sick.calls.Load()
	s.until(t, "the replica receives calls again", func() bool { return sick.calls.Load() > from })
}

// skips returns a condition for shop.until: n calls in a row did not reach r.
func skips(r *replica, n int) func() bool {
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

func TestAnotherServiceOnAKnownAddressReceivesNoCalls(t *testing.T) {
	s := openShop(t, 2, nil)
	s.settled(t)
	// Another gRPC program, SERVING as a whole but without our service, takes over the
	// address of a replica.
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
	until := time.Now().Add(2 * time.Second) // the client reconnects within one
	s.until(t, "two seconds passed", func() bool { return time.Now().After(until) })
	if got := stranger.calls.Load(); got != 0 {
		t.Errorf("the stranger received %d calls", got)
	}
}

// In a rollout, replicas of an earlier version lack a method. A call of it goes to one
// replica after the other until one has it, but to no more than maxAttempts.
func TestACallThatReplicasDoNotKnowIsTriedAtOthers(t *testing.T) {
	s := openShop(t, 1, nil)
	var asked atomic.Int64
	earlier := func(i int) *replica {
		r := s.add(t, i, nil)
		r.answer(func(context.Context, string) (string, error) {
			asked.Add(1)
			return "", status.Error(codes.Unimplemented, "unknown method Get")
		})
		return r
	}
	old := []*replica{earlier(1), earlier(2), earlier(3)}
	s.publish(s.replicas...)
	s.until(t, "all replicas are asked", func() bool { return old[0].calls.Load() > 0 && old[1].calls.Load() > 0 && old[2].calls.Load() > 0 })
	stop := s.load()
	s.waitForCalls(t)
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("of %d calls, failed by code: %v", total, failed)
	}

	s.publish(old...)
	from := s.replicas[0].calls.Load()
	waitFor(t, "the one that has it leaves", func() bool {
		if status.Code(call(s.client, patience)) == codes.Unimplemented {
			return true
		}
		from = s.replicas[0].calls.Load()
		return false
	})
	before := asked.Load()
	if err := call(s.client, patience); status.Code(err) != codes.Unimplemented || asked.Load()-before != maxAttempts || s.replicas[0].calls.Load() != from {
		t.Errorf("where none has it: %v after %d attempts, want UNIMPLEMENTED after %d", err, asked.Load()-before, maxAttempts)
	}
}

// The same holds for a write, which is a stream.
func TestAnUploadThatAReplicaDoesNotKnowIsTriedAtAnother(t *testing.T) {
	s := openShop(t, 1, nil)
	desc := testDesc()
	desc.Streams = nil
	earlier := s.addVersion(t, 1, nil, desc)
	s.publish(s.replicas...)
	s.until(t, "both receive calls", func() bool { return earlier.calls.Load() > 0 })
	for i := range 20 {
		if n, err := put(s.client.ClientConn); n != "1" || err != nil {
			t.Fatalf("upload %d: %s, %v", i, n, err)
		}
	}
}

// Calls that look for an answer elsewhere each go to another replica, whatever other calls
// there are. All are streams, of which none ejects a replica because it is slow: on a busy
// machine there would be fewer to go to.
func TestCallsElsewhereGoToEachReplica(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	stop := s.loadOf(func() error {
		_, err := put(s.client.ClientConn)
		return err
	})
	for range 50 {
		ctx, cancel := context.WithTimeout(balance.Elsewhere(t.Context()), patience)
		asked := map[string]int{}
		for range s.replicas {
			var to peer.Peer
			if _, err := putIn(ctx, s.client.ClientConn, grpc.Peer(&to)); err != nil {
				t.Fatal(err)
			}
			asked[to.Addr.String()]++
		}
		cancel()
		if len(asked) != len(s.replicas) {
			t.Fatalf("calls by replica: %v", asked)
		}
	}
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("of %d calls, failed by code: %v", total, failed)
	}
}

func TestAHangingReplicaIsEjectedAndReadmitted(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	sick := s.replicas[0]
	sick.answer(func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})
	timeouts, ejected := 0, skips(sick, 30)
	for began := time.Now(); !ejected(); {
		if time.Since(began) > patience {
			t.Fatal("the hanging replica still receives calls")
		}
		if err := call(s.client, time.Second); err != nil { // others have an answer by then
			timeouts++
		}
	}
	// At the first timeout it is suspected, and the probe hangs as well.
	if timeouts != 1 {
		t.Errorf("%d calls timed out before the hanging replica was ejected, want 1", timeouts)
	}
	// Its health check passes all the time; that alone does not readmit it.
	for until := time.Now().Add(3 * probeInterval); time.Now().Before(until); {
		if err := call(s.client, patience); err != nil {
			t.Fatalf("the hanging replica received a call: %v", err)
		}
	}

	sick.answer(func(_ context.Context, in string) (string, error) { return in, nil })
	from := sick.calls.Load()
	s.until(t, "a probe readmits it", func() bool { return sick.calls.Load() > from })
}

func TestAKilledReplicaFailsNoCall(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	// Calls take some time, so that many are in flight when the replica is killed.
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
	s.waitForCalls(t)
	s.replicas[0].end(t, 0) // no time to finish calls
	s.waitForCalls(t)
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("%d calls, failures by code: %v, want none", total, failed)
	}
}

func TestADrainedReplicaFailsNoCall(t *testing.T) {
	s := openShop(t, 3, nil)
	s.settled(t)
	stop := s.load()
	s.waitForCalls(t)
	s.replicas[0].ready.Drain()
	s.waitForCalls(t)
	s.replicas[0].end(t, 5*time.Second)
	s.waitForCalls(t)
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("%d calls, failures by code: %v, want none", total, failed)
	}
}

func TestMaxConnectionAgeFailsNoCall(t *testing.T) {
	s := openShop(t, 2, func(c *ServerConfig) {
		c.MaxConnectionAge, c.MaxConnectionAgeGrace = 200*time.Millisecond, time.Second
	})
	s.settled(t)
	stop := s.load()
	<-time.After(time.Second) // long enough for connections to reach their maximum age several times
	if total, failed := stop(); len(failed) > 0 {
		t.Errorf("%d calls, failures by code: %v, want none", total, failed)
	}
}

func TestWithoutReplicasCallsFailAtOnce(t *testing.T) {
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	client := dial(t, fmt.Sprintf("dns://%s/%s:%d", dns.Addr(), testName, 50051), nil)
	began := time.Now()
	err = call(client, patience)
	if status.Code(err) != codes.Unavailable || time.Since(began) > patience/2 {
		t.Errorf("after %v: %v, want %v at once", time.Since(began), err, codes.Unavailable)
	}
}

func TestBothEndsAgreeOnKeepalive(t *testing.T) {
	client, server := clientKeepalive(), serverEnforcement()
	if client.Time < server.MinTime {
		t.Errorf("the client pings every %v, but the server allows a ping every %v", client.Time, server.MinTime)
	}
	if client.PermitWithoutStream && !server.PermitWithoutStream {
		t.Error("the client pings without calls, but the server does not allow that")
	}
	if ping := serverKeepalive(0, 0); ping.Time <= client.Time {
		t.Errorf("the server pings after %v, before the client's own ping after %v", ping.Time, client.Time)
	}
}
