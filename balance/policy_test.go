package balance

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"bookstall/balance/internal/testnet"
)

func TestThePolicyIsRegisteredByItsImportPath(t *testing.T) {
	if policyName != "bookstall/balance" && !strings.HasSuffix(policyName, "/balance") {
		t.Errorf("name %q, want the import path", policyName)
	}
	if _, ok := balancer.Get(policyName).(policyBuilder); !ok {
		t.Errorf("gRPC has %v as %q, want this package's policy", balancer.Get(policyName), policyName)
	}
}

func TestPolicyConfigurationsThatCannotWork(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                                "balance: ",
		`{}`:                               "no childPolicy",
		`{"childPolicy":[]}`:               "no childPolicy",
		`{"childPolicy":[{"fastest":{}}]}`: `no policy "fastest"`,
		`{"childPolicy":[{"pick_first":{"a":}}]}`:                   "balance: ",
		`{"childPolicy":[{"pick_first":{"shuffleAddressList":1}}]}`: "the configuration of pick_first",
	} {
		if c, err := (policyBuilder{}).ParseConfig(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want an error with %q", text, c, err, want)
		}
	}
}

// picked is what a policy gave gRPC last.
type picked struct {
	balancer.ClientConn
	state balancer.State
}

func (p *picked) UpdateState(s balancer.State) { p.state = s }

func TestAListOfAForeignResolverIsRefused(t *testing.T) {
	var cc picked
	p := (policyBuilder{}).Build(&cc, balancer.BuildOptions{})
	defer p.Close()
	config, err := (policyBuilder{}).ParseConfig(json.RawMessage(`{"childPolicy":[{"round_robin":{}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p.ExitIdle() // has no effect before the first list
	err = p.UpdateClientConnState(balancer.ClientConnState{
		ResolverState:  resolver.State{Endpoints: []resolver.Endpoint{{Addresses: []resolver.Address{{Addr: "127.0.0.1:1"}}}}},
		BalancerConfig: config,
	})
	if !errors.Is(err, balancer.ErrBadResolverState) {
		t.Errorf("%v, want %v", err, balancer.ErrBadResolverState)
	}
	if cc.state.ConnectivityState != connectivity.TransientFailure {
		t.Fatalf("state %v, want %v", cc.state.ConnectivityState, connectivity.TransientFailure)
	}
	if _, err := cc.state.Picker.Pick(balancer.PickInfo{}); err == nil || !strings.Contains(err.Error(), errForeignList.Error()) {
		t.Errorf("calls fail with %v, want %v", err, errForeignList)
	}
}

// What a program sees that dials a target which is not of the scheme dns.
func TestATargetOfAnotherSchemeFailsCalls(t *testing.T) {
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	conn, err := grpc.NewClient("passthrough:///127.0.0.1:1", append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = testnet.Call(t.Context(), conn)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "use a target with the scheme dns") {
		t.Errorf("%v, want UNAVAILABLE with the reason", err)
	}
}

func TestAQueueRunsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		go q.run()
		var got []int
		for i := range 3 {
			q.put(func() {
				got = append(got, i)
				q.put(func() { got = append(got, 10+i) })
			})
		}
		synctest.Wait()
		if want := []int{0, 1, 2, 10, 11, 12}; !slices.Equal(got, want) {
			t.Errorf("ran %v, want %v", got, want)
		}
		q.close()
		q.close()                           // has no effect
		q.put(func() { t.Error("it ran") }) // nor has this
		synctest.Wait()
	})
}

func TestClosingAQueueWaitsForWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		go q.run()
		ended := false
		q.put(func() {
			time.Sleep(time.Second) // fake time
			ended = true
		})
		q.put(func() { t.Error("the second ran, although the queue was closing") })
		synctest.Wait()
		q.close()
		if !ended {
			t.Error("close returned while a function was running")
		}
	})
}
