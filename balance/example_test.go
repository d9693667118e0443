package balance_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest" // registers least_request_experimental
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"bookstall/balance"
	"bookstall/balance/internal/testnet"
)

// start starts n replicas on the loopback network and a DNS server that lists them, and
// returns the dial target. In a cluster, the target is that of a headless Service:
// "dns:///books.default.svc.cluster.local.:50051".
func start(network, n int) (target string, replicas []*testnet.Replica, stop func()) {
	dns, err := testnet.StartDNS()
	if err != nil {
		panic(err)
	}
	replicas, err = testnet.StartReplicas(network, n)
	if err != nil {
		panic(err)
	}
	var ips []string
	for _, r := range replicas {
		ips = append(ips, r.IP())
	}
	dns.Set("books.test.", ips...)
	return "dns://" + dns.Addr() + "/books.test.:" + replicas[0].Port(), replicas, func() {
		for _, r := range replicas {
			r.Stop()
		}
		dns.Close()
	}
}

// waitFor waits until n replicas are in a state.
func waitFor(b *balance.Balancer, n int, state balance.State) {
	for {
		in := 0
		for _, r := range b.Replicas() {
			if r.State == state {
				in++
			}
		}
		if in == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// open opens the connections by a first call.
func open(conn *grpc.ClientConn) {
	if _, err := testnet.Call(context.Background(), conn, grpc.WaitForReady(true)); err != nil {
		panic(err)
	}
}

// dial returns a client of b, connected to n replicas.
func dial(b *balance.Balancer, target string, n int) *grpc.ClientConn {
	conn, err := grpc.NewClient(target, append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		panic(err)
	}
	open(conn)
	waitFor(b, n, balance.Serving)
	return conn
}

// Calls are spread evenly over the replicas behind a name.
func Example() {
	target, _, stop := start(51, 3)
	defer stop()

	b, err := balance.New(balance.WithHealthService(testnet.Service))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	conn, err := grpc.NewClient(target, append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	open(conn)
	waitFor(b, 3, balance.Serving)
	answered := map[string]int{}
	for range 30 {
		name, err := testnet.Call(context.Background(), conn) // stands for a call of your generated client
		if err != nil {
			fmt.Println(err)
			return
		}
		answered[name]++
	}
	fmt.Println(answered)
	// Output: map[replica-1:10 replica-2:10 replica-3:10]
}

// What a page for operators shows.
func ExampleBalancer_Replicas() {
	target, replicas, stop := start(52, 2)
	defer stop()
	b, err := balance.New(balance.WithServedBy(testnet.NameOf))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	conn := dial(b, target, 2)
	defer conn.Close()
	known := map[string]int64{} // calls so far
	for _, r := range b.Replicas() {
		known[r.Address] = r.Calls
	}
	for range 10 {
		if _, err := testnet.Call(context.Background(), conn); err != nil {
			fmt.Println(err)
			return
		}
	}
	replicas[1].Stop()
	waitFor(b, 1, balance.Serving)

	for _, r := range b.Replicas() {
		fmt.Printf("%s: %s, %d calls\n", r.Name, r.State, r.Calls-known[r.Address])
	}
	// Output:
	// replica-1: serving, 5 calls
	// replica-2: connecting, 5 calls
}

// A replica that answers health checks and nothing else is ejected after its first call,
// because the probe's call fails there and passes elsewhere.
func ExampleWithProbe() {
	target, replicas, stop := start(53, 3)
	defer stop()

	b, err := balance.New(
		balance.WithHealthService(testnet.Service),
		balance.WithProbe(func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := testnet.Call(ctx, conn) // a cheap call that changes nothing
			return err
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	conn := dial(b, target, 3)
	defer conn.Close()

	replicas[0].Answer(func(context.Context) error { return status.Error(codes.Internal, "out of memory") })
	failed := 0
	for range 3 {
		if _, err := testnet.Call(context.Background(), conn); err != nil {
			failed++
		}
	}
	waitFor(b, 1, balance.Ejected)
	for range 30 {
		if _, err := testnet.Call(context.Background(), conn); err != nil {
			failed++
		}
	}
	fmt.Println(failed, "of 33 calls failed")
	for _, r := range b.Replicas() {
		if r.State == balance.Ejected {
			fmt.Println(r.Address == replicas[0].Addr, r.Reason, r.LastError)
		}
	}
	// Output:
	// 1 of 33 calls failed
	// true errors Internal
}

// Another of grpc-go's policies chooses among the replicas that may receive calls.
func ExampleWithPolicy() {
	target, _, stop := start(54, 3)
	defer stop()

	b, err := balance.New(balance.WithPolicy("least_request_experimental", `{"choiceCount":2}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	conn := dial(b, target, 3)
	defer conn.Close()

	answered := map[string]bool{}
	for len(answered) < 3 { // which replica answers is random
		name, err := testnet.Call(context.Background(), conn)
		if err != nil {
			fmt.Println(err)
			return
		}
		answered[name] = true
	}
	fmt.Println(slices.Sorted(maps.Keys(answered)))
	// Output: [replica-1 replica-2 replica-3]
}
