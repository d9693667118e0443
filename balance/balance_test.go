package balance

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"bookstall/balance/internal/testnet"
)

// shop is some replicas behind a name of a DNS server.
type shop struct {
	dns      *testnet.DNS
	replicas []*testnet.Replica
}

// openShop starts n replicas. The network tells the shops of one test apart.
func openShop(t *testing.T, network, n int) *shop {
	t.Helper()
	replicas, err := testnet.StartReplicas(network, n)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{dns: startDNS(t), replicas: replicas}
	for _, r := range replicas {
		t.Cleanup(r.Stop)
	}
	s.list(replicas...)
	return s
}

func (s *shop) list(replicas ...*testnet.Replica) {
	var ips []string
	for _, r := range replicas {
		ips = append(ips, r.IP())
	}
	s.dns.Set(testName, ips...)
}

func (s *shop) target() string {
	return "dns://" + s.dns.Addr() + "/" + testName + ":" + s.replicas[0].Port()
}

// dial returns a client of b, which the test closes.
func (s *shop) dial(t *testing.T, b *Balancer) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.target(), append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func newBalancer(t *testing.T) *Balancer {
	t.Helper()
	b, err := New(
		WithHealthService(testnet.Service), WithServedBy(testnet.NameOf), WithInterval(100*time.Millisecond),
		WithProbe(func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := testnet.Call(ctx, conn)
			return err
		}),
		WithEjection(Ejection{ProbeInterval: 100 * time.Millisecond, ProbeTimeout: 200 * time.Millisecond}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// get makes one call within the given time.
func get(t *testing.T, conn *grpc.ClientConn, within time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return testnet.Call(ctx, conn, grpc.WaitForReady(true))
}

// until waits until the condition holds, and calls meanwhile with each conn.
func until(t *testing.T, what string, cond func() bool, conns ...*grpc.ClientConn) {
	t.Helper()
	for began := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("waited 10 s: %s", what)
		}
		for _, conn := range conns {
			_, _ = get(t, conn, 200*time.Millisecond) // some hang
		}
	}
}

// inState returns the number of replicas in a state.
func inState(replicas []Replica, s State) (n int) {
	for _, r := range replicas {
		if r.State == s {
			n++
		}
	}
	return n
}

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func TestCallsAreSharedEvenly(t *testing.T) {
	s := openShop(t, 61, 3)
	b := newBalancer(t)
	conn := s.dial(t, b)
	if _, err := get(t, conn, 10*time.Second); err != nil { // opens the connections
		t.Fatal(err)
	}
	until(t, "all serve", func() bool { return inState(b.Replicas(), Serving) == 3 })
	before := b.Replicas()
	for range 300 {
		if _, err := get(t, conn, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range b.Replicas() {
		if r.Calls-before[i].Calls != 100 || !strings.HasPrefix(r.Name, "replica-") || r.Target != s.target() || r.Failed != 0 || r.Typical <= 0 {
			t.Errorf("%+v, want 100 more calls, the name, the target and the median time", r)
		}
	}
}

func TestAHangingReplicaIsEjectedAndReadmitted(t *testing.T) {
	s := openShop(t, 62, 3)
	b := newBalancer(t)
	conn := s.dial(t, b)
	until(t, "all serve", func() bool { return inState(b.Replicas(), Serving) == 3 }, conn)
	sick := s.replicas[0]
	sick.Answer(hangs)
	until(t, "the hanging replica is ejected", func() bool { return b.Replicas()[0].State == Ejected }, conn)
	if r := b.Replicas()[0]; r.Reason != ReasonTimeouts || r.Failed != 1 || r.LastError != codes.DeadlineExceeded.String() {
		t.Errorf("%+v, want it ejected for %s after one call", r, ReasonTimeouts)
	}
	for range 50 {
		if _, err := get(t, conn, 10*time.Second); err != nil {
			t.Fatalf("a call after the ejection: %v", err)
		}
	}
	sick.Answer(func(context.Context) error { return nil })
	until(t, "a probe readmits it", func() bool { return inState(b.Replicas(), Serving) == 3 })
}

func TestNotServingIsKnown(t *testing.T) {
	s := openShop(t, 63, 2)
	b := newBalancer(t)
	conn := s.dial(t, b)
	until(t, "all serve", func() bool { return inState(b.Replicas(), Serving) == 2 }, conn)
	s.replicas[0].Health.SetServingStatus(testnet.Service, healthpb.HealthCheckResponse_NOT_SERVING)
	until(t, "the first is not serving", func() bool { return b.Replicas()[0].State == NotServing })
	for range 20 {
		if name, err := get(t, conn, 10*time.Second); err != nil || name != "replica-2" {
			t.Fatalf("%q, %v; want an answer of replica-2", name, err)
		}
	}
	s.replicas[0].Stop()
	until(t, "the first is connecting", func() bool { return b.Replicas()[0].State == Connecting })
}

// One Balancer keeps the replicas of two targets apart, and those of two clients of one
// target as well.
func TestOneBalancerForSeveralClients(t *testing.T) {
	one, two := openShop(t, 64, 2), openShop(t, 65, 3)
	b := newBalancer(t)
	conns := []*grpc.ClientConn{one.dial(t, b), two.dial(t, b), one.dial(t, b)}
	until(t, "all clients are connected", func() bool { return inState(b.Replicas(), Serving) == 2+3+2 }, conns...)
	snapshots := b.Snapshots()
	for i, want := range []*shop{one, two, one} { // in the order in which they were made
		if s := snapshots[i]; s.Target != want.target() || len(s.Replicas) != len(want.replicas) || s.ListAge < 0 {
			t.Errorf("snapshot %d is of %s with %d replicas, want %s with %d", i, s.Target, len(s.Replicas), want.target(), len(want.replicas))
		}
	}
	// The first client finds that a replica of its own hangs; the others have not called it.
	one.replicas[0].Answer(hangs)
	until(t, "the first client ejects", func() bool { return inState(b.Snapshots()[0].Replicas, Ejected) == 1 }, conns[0])
	for i, want := range []int{1, 0, 0} {
		if got := inState(b.Snapshots()[i].Replicas, Ejected); got != want {
			t.Errorf("client %d has %d replicas ejected, want %d", i, got, want)
		}
	}
	conns[0].Close()
	if got := b.Snapshots(); len(got) != 2 || got[0].Target != two.target() || got[1].Target != one.target() {
		t.Errorf("%d snapshots after a client was closed, want those of the other two", len(got))
	}
}

// ours returns the stacks of this package's goroutines, without the tests' and those of their
// replicas, which learn a moment later that a client has gone.
func ours() (list []string) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, stack := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(stack, "/balance.") && !strings.Contains(stack, "testing.tRunner") && !strings.Contains(stack, "/balance.hangs(") {
			list = append(list, stack)
		}
	}
	return list
}

// Close ends all goroutines in either order, while a replica is being probed.
func TestCloseInEitherOrder(t *testing.T) {
	for name, end := range map[string]func(*Balancer, *grpc.ClientConn){
		"Balancer first": func(b *Balancer, conn *grpc.ClientConn) { b.Close(); conn.Close() },
		"client first":   func(b *Balancer, conn *grpc.ClientConn) { conn.Close(); b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := openShop(t, 66, 3)
			b := newBalancer(t)
			conn := s.dial(t, b)
			until(t, "all serve", func() bool { return inState(b.Replicas(), Serving) == 3 }, conn)
			s.replicas[0].Answer(hangs)
			until(t, "one is ejected", func() bool { return inState(b.Replicas(), Ejected) == 1 }, conn)
			if len(ours()) == 0 {
				t.Fatal("found no goroutine of an open client: looking in the wrong place")
			}
			end(b, conn)
			for _, stack := range ours() {
				t.Errorf("still running:\n%s", stack)
			}
			if got := b.Replicas(); len(got) != 0 {
				t.Errorf("%d replicas after Close, want none", len(got))
			}
			b.Close() // has no effect
		})
	}
}

// Clients that are open when their Balancer is closed, or are made after it, go on without
// ejection.
func TestAClientOutlivesItsBalancer(t *testing.T) {
	s := openShop(t, 67, 2)
	b := newBalancer(t)
	before := s.dial(t, b)
	until(t, "all serve", func() bool { return inState(b.Replicas(), Serving) == 2 }, before)
	s.replicas[0].Answer(hangs)
	until(t, "one is ejected", func() bool { return inState(b.Replicas(), Ejected) == 1 }, before)
	b.Close()
	if got := inState(b.Replicas(), Ejected); got != 0 {
		t.Errorf("%d ejected after Close, want 0", got)
	}
	s.replicas[0].Answer(func(context.Context) error { return status.Error(codes.Internal, "on purpose") })
	after := s.dial(t, b)
	until(t, "both clients serve", func() bool { return inState(b.Replicas(), Serving) == 4 }, before, after)
	for range 20 {
		_, _ = get(t, before, time.Second)
		_, _ = get(t, after, time.Second)
	}
	if got := inState(b.Replicas(), Serving); got != 4 {
		t.Errorf("%d serving although nothing is ejected any more, want 4", got)
	}
}

// The client finds a replica that comes, leaves one that goes, and keeps its list when DNS
// has none.
func TestDNSOverTheWire(t *testing.T) {
	s := openShop(t, 68, 3)
	b := newBalancer(t)
	s.list(s.replicas[:2]...)
	conn := s.dial(t, b)
	until(t, "two serve", func() bool { return inState(b.Replicas(), Serving) == 2 }, conn)
	s.list(s.replicas...)
	until(t, "three serve", func() bool { return inState(b.Replicas(), Serving) == 3 })
	for _, answer := range []testnet.Answer{testnet.NXDomain, testnet.Empty, testnet.ServFail} {
		s.dns.Reply(answer)
		until(t, "the trouble is known", func() bool { return b.Snapshots()[0].Trouble != "" })
		for range 20 {
			if _, err := get(t, conn, 10*time.Second); err != nil {
				t.Fatalf("answer %d of DNS: %v", answer, err)
			}
		}
		s.dns.Reply(testnet.Addresses)
		until(t, "DNS is well", func() bool { return b.Snapshots()[0].Trouble == "" })
	}
	s.list(s.replicas[1:]...)
	until(t, "the first is gone", func() bool { return b.Replicas()[0].State == Gone })
}

// A dial option that replaces ours is a mistake that nothing else shows: calls succeed.
func TestAnotherServiceConfigIsNoticed(t *testing.T) {
	s := openShop(t, 0, 2)
	said := make(lines, 100)
	b, err := New(WithLogger(slog.New(slog.NewTextHandler(said, nil))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	conn, err := grpc.NewClient(s.target(), append(b.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := get(t, conn, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case line := <-said:
			if strings.Contains(line, "level=WARN") && strings.Contains(line, "does another dial option replace its service config?") {
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the log does not say that no replica is used")
		}
	}
}

// lines is the lines of a log.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func TestNewClientRefusesATarget(t *testing.T) {
	b := newBalancer(t)
	conn, err := grpc.NewClient("dns:///books", append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := testnet.Call(t.Context(), conn); err == nil || !strings.Contains(err.Error(), ErrTarget.Error()) {
		t.Errorf("%v, want it to say %q", err, ErrTarget)
	}
	if err := CheckTarget("dns:///books"); !errors.Is(err, ErrTarget) {
		t.Errorf("%v, want %v", err, ErrTarget)
	}
}

func TestCallsThatRunAndTheFirstThatEnded(t *testing.T) {
	s := openShop(t, 76, 1)
	began, answer := make(chan struct{}), make(chan struct{})
	s.replicas[0].Answer(func(context.Context) error {
		began <- struct{}{}
		<-answer
		return nil
	})
	b := newBalancer(t)
	conn := s.dial(t, b)
	ended := make(chan error)
	for range 2 {
		go func() {
			_, err := get(t, conn, 10*time.Second)
			ended <- err
		}()
	}
	<-began
	<-began
	if r := b.Replicas()[0]; r.Running != 2 || r.FirstCall != 0 || r.Calls != 0 {
		t.Errorf("%+v, want two calls that run and none that ended", r)
	}
	answer <- struct{}{}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	until(t, "one has ended", func() bool { return b.Replicas()[0].Running == 1 })
	first := b.Replicas()[0].FirstCall
	answer <- struct{}{}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	until(t, "both have ended", func() bool { return b.Replicas()[0].Running == 0 })
	if r := b.Replicas()[0]; first <= 0 || r.FirstCall != first || r.Calls != 2 {
		t.Errorf("%+v, want the time of the first call to stay %v", r, first)
	}
}
