package rpc

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/balance"
)

// failing returns a handler that fails with the given code.
func failing(code codes.Code) handler {
	return func(context.Context, string) (string, error) { return "", status.Error(code, "on purpose") }
}

// learnTimes makes each replica answer often enough for its median time to be known.
func (s *shop) learnTimes(t *testing.T) {
	t.Helper()
	for range 10 * len(s.replicas) {
		if err := call(s.client, patience); err != nil {
			t.Fatal(err)
		}
	}
}

// listed returns the client's entry for a replica; the zero value if it has none.
func (s *shop) listed(r *replica) balance.Replica {
	for _, l := range s.client.Balance().Replicas {
		if l.Address == r.Addr().String() {
			return l
		}
	}
	return balance.Replica{}
}

// heal makes a replica answer again, and waits until it receives calls.
func (s *shop) heal(t *testing.T, r *replica) {
	t.Helper()
	r.answer(func(_ context.Context, in string) (string, error) { return in, nil })
	from := r.calls.Load()
	s.until(t, "a probe readmits it", func() bool { return r.calls.Load() > from+1 })
}

func TestAFailingReplicaIsEjected(t *testing.T) {
	for _, code := range []codes.Code{codes.Internal, codes.Unknown, codes.DataLoss, codes.Unavailable} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, 3, nil)
			s.learnTimes(t)
			sick := s.replicas[0]
			sick.answer(failing(code))
			failed, ejected := 0, skips(sick, 30)
			for began := time.Now(); !ejected(); {
				if time.Since(began) > patience {
					t.Fatal("the failing replica still receives calls")
				}
				if err := call(s.client, patience); err != nil {
					failed++
				}
			}
			// The first failure makes it a suspect, and the probe fails as well. A call that
			// fails with UNAVAILABLE is retried on another replica.
			if want := map[bool]int{false: 1}[code == codes.Unavailable]; failed != want {
				t.Errorf("%d calls failed, want %d", failed, want)
			}
			s.heal(t, sick)
		})
	}
}

func TestASlowReplicaIsEjected(t *testing.T) {
	s := openShop(t, 3, nil)
	s.learnTimes(t)
	sick := s.replicas[0]
	sick.answer(func(ctx context.Context, in string) (string, error) {
		select {
		case <-time.After(10 * slowFloor):
		case <-ctx.Done():
		}
		return in, ctx.Err()
	})
	s.until(t, "fifty calls in a row skip the slow replica", skips(sick, 50))
	// Its probes are slow too, so they do not readmit it.
	for until := time.Now().Add(3 * probeInterval); time.Now().Before(until); {
		if err := call(s.client, patience); err != nil {
			t.Fatal(err)
		}
		if l := s.listed(sick); l.Reason != balance.ReasonSlow {
			t.Fatalf("reason of the slow replica's ejection: %q, want %q", l.Reason, balance.ReasonSlow)
		}
	}
	s.heal(t, sick)
}

// Neither an error that the caller caused nor one that all replicas return ejects a
// replica.
func TestCallerErrorsAndCommonFailuresEjectNone(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.NotFound, codes.ResourceExhausted, codes.Internal} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, 2, nil)
			s.learnTimes(t)
			for _, r := range s.replicas {
				r.answer(failing(code))
			}
			for range 50 {
				if err := call(s.client, patience); status.Code(err) != code {
					t.Fatalf("%v, want %v", err, code)
				}
			}
			for _, l := range s.client.Balance().Replicas {
				if l.State == balance.Ejected {
					t.Errorf("%s is ejected, reason %s", l.Address, l.Reason)
				}
			}
		})
	}
}

// wantStates waits until the replicas, by address, are in these states, and returns
// them.
func wantStates(t *testing.T, s *shop, wanted ...balance.State) []balance.Replica {
	t.Helper()
	var got []balance.Replica
	s.until(t, "states "+join(wanted), func() bool {
		got = s.client.Balance().Replicas
		if len(got) != len(wanted) {
			return false
		}
		for i, r := range got {
			if r.State != wanted[i] {
				return false
			}
		}
		return true
	})
	return got
}

func join(states []balance.State) (text string) {
	for _, s := range states {
		text += string(s) + ", "
	}
	return text
}

// The figures of an address are those of the replica that has it now.
func TestAnAddressThatComesBackIsANewReplica(t *testing.T) {
	s := openShop(t, 2, nil)
	s.learnTimes(t)
	s.publish(s.replicas[0])
	s.until(t, "the second left the list", func() bool { return s.client.Balance().Replicas[1].State == balance.Gone })
	s.publish(s.replicas...) // without a call of Balance in between
	from := s.replicas[1].calls.Load()
	s.until(t, "the second receives calls again", func() bool { return s.replicas[1].calls.Load() >= from+5 })
	if r := s.client.Balance().Replicas[1]; r.Calls < 3 || r.Calls > 10 || r.State != balance.Serving {
		t.Errorf("replica 2: %+v, want it to be serving, with 3 to 10 calls", r)
	}
}

func TestBalanceReportsStatesAndFigures(t *testing.T) {
	s := openShop(t, 4, nil)
	s.learnTimes(t)
	for _, r := range wantStates(t, s, balance.Serving, balance.Serving, balance.Serving, balance.Serving) {
		if r.Calls < 5 || r.Failed != 0 || r.LastError != "" || r.Typical <= 0 || r.Typical > time.Second {
			t.Errorf("replica: %+v, want at least 5 calls, no failure and a typical time of at most 1 s", r)
		}
	}
	s.until(t, "a whole second of calls is counted", func() bool { return s.client.Balance().Replicas[0].Rate > 0 })
	var shares float64
	b := s.client.Balance()
	for _, r := range b.Replicas {
		shares += r.Share
	}
	if shares < 0.999 || shares > 1.001 {
		t.Errorf("shares add up to %v", shares)
	}
	if b.ListAge < 0 || b.ListAge > 10*dnsInterval || b.Trouble != "" {
		t.Errorf("age of the list %v, trouble %q; want at most %v and no trouble", b.ListAge, b.Trouble, 10*dnsInterval)
	}

	s.replicas[0].answer(failing(codes.Internal))
	for range 4 * ejectAfter {
		_ = call(s.client, patience) // calls to the first replica fail, which ejects it
	}
	s.replicas[1].ready.Set(false, "on purpose")
	s.publish(s.replicas[:3]...)
	got := wantStates(t, s, balance.Ejected, balance.NotServing, balance.Serving, balance.Gone)
	if r := got[0]; r.Reason != balance.ReasonErrors || r.LastError != "Internal" || r.Failed < 1 || time.Since(r.LastErrorAt) > 10*time.Second {
		t.Errorf("ejected replica: %+v, want recent Internal errors", r)
	}
	s.replicas[2].end(t, time.Second)
	s.replicas[1].ready.Set(true, "")
	waitFor(t, "the third is connecting", func() bool { return s.client.Balance().Replicas[2].State == balance.Connecting })
}

// The last serving replica is not ejected, and an ejected one is readmitted when no
// other is serving.
func TestTheLastServingReplicaIsKept(t *testing.T) {
	t.Run("the others are not serving", func(t *testing.T) {
		s := openShop(t, 3, nil)
		s.learnTimes(t)
		last := s.replicas[2]
		s.replicas[0].ready.Set(false, "on purpose")
		s.replicas[1].ready.Set(false, "on purpose")
		s.until(t, "ten calls in a row skip the first", skips(s.replicas[0], 10))
		s.until(t, "ten calls in a row skip the second", skips(s.replicas[1], 10))
		last.answer(failing(codes.Internal))
		for range 3 * ejectAfter {
			if err := call(s.client, patience); status.Code(err) != codes.Internal {
				t.Fatalf("%v, want %v", err, codes.Internal)
			}
		}
		last.answer(func(_ context.Context, in string) (string, error) { return in, nil })
		for range 20 {
			if err := call(s.client, patience); err != nil {
				t.Fatalf("the only serving replica receives no calls: %v", err)
			}
		}
	})
	t.Run("the others fail later", func(t *testing.T) {
		s := openShop(t, 2, nil)
		s.learnTimes(t)
		sick := s.replicas[0]
		sick.answer(failing(codes.Internal))
		for i := 0; s.listed(sick).State != balance.Ejected && i < 100; i++ {
			_ = call(s.client, patience) // calls to the sick replica fail, which ejects it
		}
		sick.answer(func(_ context.Context, in string) (string, error) { return in, nil })
		ejected := time.Now()
		s.replicas[1].end(t, 0)
		// A probe would readmit it only after probeInterval.
		for call(s.client, patience) != nil {
			if time.Since(ejected) > patience {
				t.Fatal("the remaining replica receives no calls")
			}
		}
		if took := time.Since(ejected); took > probeInterval/2 {
			t.Errorf("it receives calls after %v, want them before a probe (every %v)", took, probeInterval)
		}
	})
}

// A replica whose calls wait in its queue is busy, not slow.
func TestABusyReplicaIsNotEjected(t *testing.T) {
	busy := Limit{Concurrent: 1, Queue: 256, Wait: 200 * time.Millisecond}
	s := openShop(t, 3, func(c *ServerConfig) { c.Limit = busy })
	s.learnTimes(t)
	for i, r := range s.replicas {
		takes := map[bool]time.Duration{true: 12 * time.Millisecond, false: time.Millisecond}[i == 0]
		r.answer(func(ctx context.Context, in string) (string, error) {
			select {
			case <-time.After(takes):
			case <-ctx.Done():
			}
			return in, ctx.Err()
		})
	}
	var calling sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for range 24 {
		calling.Go(func() {
			for time.Now().Before(end) {
				_ = call(s.client, patience) // some are shed
				if l := s.listed(s.replicas[0]); l.Reason != "" {
					t.Errorf("the busy replica is ejected, reason %q", l.Reason)
					return
				}
			}
		})
	}
	calling.Wait()
}
