package rpc

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/internal/discovery"
)

// failing answers with a status.
func failing(code codes.Code) handler {
	return func(context.Context, string) (string, error) { return "", status.Error(code, "on purpose") }
}

// usual lets each replica answer often enough that what is usual is known.
func (s *shop) usual(t *testing.T) {
	t.Helper()
	for range 10 * len(s.replicas) {
		if err := call(s.client, time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// listed returns what the ejector says of a replica.
func (s *shop) listed(r *replica) discovery.Listed {
	for _, l := range s.client.ejector.Listed() {
		if l.Address == r.Addr().String() {
			return l
		}
	}
	return discovery.Listed{}
}

// well makes a replica answer again, which must bring it its calls back.
func (s *shop) well(t *testing.T, r *replica) {
	t.Helper()
	r.answer(func(_ context.Context, in string) (string, error) { return in, nil })
	from := r.calls.Load()
	s.until(t, "a probe let it back in", func() bool { return r.calls.Load() > from+1 })
}

func TestAFailingReplicaIsTakenOut(t *testing.T) {
	for _, code := range []codes.Code{codes.Internal, codes.Unknown, codes.DataLoss, codes.Unavailable} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, 3, nil)
			s.usual(t)
			sick := s.replicas[0]
			sick.answer(failing(code))
			failed, gone := 0, passedBy(sick, 30)
			for began := time.Now(); !gone(); {
				if time.Since(began) > 5*time.Second {
					t.Fatal("the failing replica still gets calls")
				}
				if err := call(s.client, time.Second); err != nil {
					failed++
				}
			}
			// The list reaches the balancer a moment after the third.
			if least := map[bool]int{false: ejectAfter}[code == codes.Unavailable]; failed < least || least == 0 && failed > 0 {
				t.Errorf("%d calls failed, want %d", failed, least)
			}
			s.well(t, sick)
		})
	}
}

func TestASlowReplicaIsTakenOut(t *testing.T) {
	s := openShop(t, 3, nil)
	s.usual(t)
	sick := s.replicas[0]
	sick.answer(func(ctx context.Context, in string) (string, error) {
		select {
		case <-time.After(10 * slowFloor):
		case <-ctx.Done():
		}
		return in, ctx.Err()
	})
	s.until(t, "fifty calls in a row pass the slow replica by", passedBy(sick, 50))
	// Probes, which are slow as well, leave it out.
	for until := time.Now().Add(3 * probeInterval); time.Now().Before(until); {
		if err := call(s.client, time.Second); err != nil {
			t.Fatal(err)
		}
		if l := s.listed(sick); l.Ejected != discovery.ReasonSlow {
			t.Fatalf("the slow replica is ejected for %q, want %q", l.Ejected, discovery.ReasonSlow)
		}
	}
	s.well(t, sick)
}

// What a caller does wrong, and what all replicas say, is no reason to leave one out.
func TestAnswersAndCommonTroubleEjectNone(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.NotFound, codes.ResourceExhausted, codes.Internal} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, 2, nil)
			s.usual(t)
			for _, r := range s.replicas {
				r.answer(failing(code))
			}
			for range 50 {
				if err := call(s.client, time.Second); status.Code(err) != code {
					t.Fatalf("%v, want %v", err, code)
				}
			}
			for _, l := range s.client.ejector.Listed() {
				if l.Ejected != "" {
					t.Errorf("%s is ejected for %s", l.Address, l.Ejected)
				}
			}
		})
	}
}

// wantStates waits until the replicas are in these states, and returns them.
func wantStates(t *testing.T, s *shop, wanted ...State) []Replica {
	t.Helper()
	var got []Replica
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

func join(states []State) (text string) {
	for _, s := range states {
		text += string(s) + ", "
	}
	return text
}

// What is told of an address is of the replica that has it now.
func TestAnAddressThatComesBackIsAnother(t *testing.T) {
	s := openShop(t, 2, nil)
	s.usual(t)
	s.publish(s.replicas[0])
	s.until(t, "the second is gone", func() bool { return len(s.client.ejector.Listed()) == 1 })
	s.publish(s.replicas...) // and nobody has looked meanwhile
	from := s.replicas[1].calls.Load()
	s.until(t, "it is back", func() bool { return s.replicas[1].calls.Load() >= from+5 })
	if r := s.client.Balance().Replicas[1]; r.Calls < 3 || r.Calls > 10 || r.State != Serving {
		t.Errorf("%+v", r)
	}
}

func TestTheBalanceIsTold(t *testing.T) {
	s := openShop(t, 4, nil)
	s.usual(t)
	for _, r := range wantStates(t, s, Serving, Serving, Serving, Serving) {
		if r.Calls < 5 || r.Failed != 0 || r.LastError != "" || r.Typical <= 0 || r.Typical > time.Second {
			t.Errorf("%+v", r)
		}
	}
	s.until(t, "a whole second is counted", func() bool { return s.client.Balance().Replicas[0].Rate > 0 })
	var shares float64
	b := s.client.Balance()
	for _, r := range b.Replicas {
		shares += r.Share
	}
	if shares < 0.999 || shares > 1.001 {
		t.Errorf("shares add up to %v", shares)
	}
	if b.ListAge < 0 || b.ListAge > 10*dnsInterval || b.Trouble != "" {
		t.Errorf("list of %v ago, trouble %q", b.ListAge, b.Trouble)
	}

	s.replicas[0].answer(failing(codes.Internal))
	for range 4 * ejectAfter {
		_ = call(s.client, time.Second) // some fail, which is what is wanted
	}
	s.replicas[1].ready.Set(false, "on purpose")
	s.publish(s.replicas[:3]...)
	got := wantStates(t, s, Ejected, NotServing, Serving, Gone)
	if r := got[0]; r.Reason != discovery.ReasonErrors || r.LastError != "Internal" || r.Failed < ejectAfter || time.Since(r.LastErrorAt) > 10*time.Second {
		t.Errorf("%+v", r)
	}
	s.replicas[2].end(t, time.Second)
	s.replicas[1].ready.Set(true, "")
	waitFor(t, "the third is not connected", func() bool { return s.client.Balance().Replicas[2].State == Connecting })
}

// The last replica that serves is not taken out, and one that was is tried again
// once no other serves.
func TestTheLastThatServesIsKept(t *testing.T) {
	t.Run("the others are not serving", func(t *testing.T) {
		s := openShop(t, 3, nil)
		s.usual(t)
		last := s.replicas[2]
		s.replicas[0].ready.Set(false, "on purpose")
		s.replicas[1].ready.Set(false, "on purpose")
		s.until(t, "ten calls in a row pass the first by", passedBy(s.replicas[0], 10))
		s.until(t, "ten calls in a row pass the second by", passedBy(s.replicas[1], 10))
		last.answer(failing(codes.Internal))
		for range 3 * ejectAfter {
			if err := call(s.client, time.Second); status.Code(err) != codes.Internal {
				t.Fatalf("%v, want %v", err, codes.Internal)
			}
		}
		last.answer(func(_ context.Context, in string) (string, error) { return in, nil })
		for range 20 {
			if err := call(s.client, time.Second); err != nil {
				t.Fatalf("the only replica that serves is left out: %v", err)
			}
		}
	})
	t.Run("the others are lost later", func(t *testing.T) {
		s := openShop(t, 2, nil)
		s.usual(t)
		sick := s.replicas[0]
		sick.answer(failing(codes.Internal))
		for i := 0; s.listed(sick).Ejected == "" && i < 100; i++ {
			_ = call(s.client, time.Second) // it may fail, which is what is wanted
		}
		sick.answer(func(_ context.Context, in string) (string, error) { return in, nil })
		ejected := time.Now()
		s.replicas[1].end(t, 0)
		// A probe would come a second later.
		for call(s.client, time.Second) != nil {
			if time.Since(ejected) > 5*time.Second {
				t.Fatal("the replica that is left gets no calls")
			}
		}
		if took := time.Since(ejected); took > probeInterval/2 {
			t.Errorf("it gets calls after %v, as late as by a probe", took)
		}
	})
}

// A replica whose calls wait for a place is busy, which is not what slow means.
func TestABusyReplicaIsNotTakenOut(t *testing.T) {
	busy := Limit{Concurrent: 1, Queue: 256, Wait: 200 * time.Millisecond}
	s := openShop(t, 3, func(c *ServerConfig) { c.Limit = busy })
	s.usual(t)
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
				_ = call(s.client, time.Second) // some are refused
				if l := s.listed(s.replicas[0]); l.Ejected != "" {
					t.Errorf("the busy replica is ejected for %q", l.Ejected)
					return
				}
			}
		})
	}
	calling.Wait()
}
