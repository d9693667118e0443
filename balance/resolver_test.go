package balance

import (
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"
)

func TestANewReplicaIsFoundByTheNextLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1"}}
		w := start(t, dns)
		wantList(t, w, "10.0.0.1")
		dns.set(nil, "10.0.0.1", "10.0.0.2")
		pass(interval * 11 / 10)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
	})
}

func TestUnchangedListIsNotPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}})
		pass(10 * interval)
		if got := w.channel.updated(); got != 1 {
			t.Errorf("the policy was updated %d times, want 1: each update makes round_robin start over", got)
		}
		if got := w.dns.count(); got < 9 {
			t.Errorf("%d lookups in 10 intervals, want at least 9", got)
		}
	})
}

// Ejection and readmission publish nothing: the policy knows, and the connections stay.
func TestEjectionDoesNotPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := healthy(t, 3)
		w.probe.set(probeResult{err: errors.New("sick")}, "10.0.0.1")
		w.reports("10.0.0.1", 1, timedOut, 0)
		wantState(t, w, "10.0.0.1", Ejected, ReasonTimeouts)
		w.probe.set(probeResult{}, "10.0.0.1")
		pass(3 * interval)
		wantList(t, w, ips(3)...)
		if got := w.channel.updated(); got != 1 {
			t.Errorf("the policy was updated %d times, want 1", got)
		}
	})
}

func TestAnEmptyAnswerKeepsTheListUntilItIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2"}}
		w := start(t, dns)
		dns.set(ErrNoAddresses)
		pass(maxStale - interval)
		wantList(t, w, "10.0.0.1", "10.0.0.2")
		if w.events.kept == 0 {
			t.Error("the Observer is not told of empty answers after which the list stayed in use")
		}
		if s := w.pool.snapshot(); s.Trouble == "" || s.ListAge < maxStale-2*interval {
			t.Errorf("trouble %q, age of the list %v; want a text and about %v", s.Trouble, s.ListAge, maxStale)
		}
		pass(3 * interval)
		wantList(t, w)
		dns.set(nil, "10.0.0.3")
		pass(time.Second)
		wantList(t, w, "10.0.0.3")
		if s := w.pool.snapshot(); s.Trouble != "" {
			t.Errorf("trouble %q after DNS recovered, want none", s.Trouble)
		}
	})
}

func TestAFailedLookupKeepsTheListWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1"}}
		w := start(t, dns)
		dns.set(errors.New("server misbehaving"))
		pass(10 * maxStale)
		wantList(t, w, "10.0.0.1")
		if n := w.events.lookups[LookupError]; n < 100 {
			t.Errorf("the Observer was told of %d failed lookups, want at least 100", n)
		}
	})
}

func TestWithoutAListTheErrorIsReportedAndLookupsGoOn(t *testing.T) {
	for name, err := range map[string]error{"no addresses": ErrNoAddresses, "no answer": errors.New("server misbehaving")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dns := &fakeDNS{err: err}
				w := start(t, dns)
				if len(w.channel.errs) == 0 || !errors.Is(w.channel.errs[0], err) {
					t.Fatalf("errors %v, want %v", w.channel.errs, err)
				}
				if s := w.pool.snapshot(); s.ListAge >= 0 {
					t.Errorf("age of the list %v before there was one, want less than 0", s.ListAge)
				}
				dns.set(nil, "10.0.0.1")
				pass(time.Second)
				wantList(t, w, "10.0.0.1")
			})
		})
	}
}

func TestWithoutAListLookupsBecomeRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{err: ErrNoAddresses}
		w := start(t, dns)
		pass(2 * interval)
		if n := dns.count(); n < 6 || n > 8 { // at 0, 0.2, 0.6, 1.4, 2.2, 3 and 3.8 s, each pause up to 10 % off
			t.Errorf("%d lookups in the first two intervals, want about 7", n)
		}
		before := dns.count()
		pass(20 * interval)
		if n := dns.count() - before; n < 45 || n > 56 {
			t.Errorf("%d lookups in twenty intervals, want about 50", n)
		}
		dns.set(nil, "10.0.0.1")
		pass(2 * interval)
		wantList(t, w, "10.0.0.1")
	})
}

func TestResolveNowLooksUpAtOnceWithinTheMinimumInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{ips: []string{"10.0.0.1"}}
		w := start(t, dns)
		pass(time.Second)
		before := dns.count()
		w.res.ResolveNow(resolver.ResolveNowOptions{})
		synctest.Wait()
		if got := dns.count() - before; got != 1 {
			t.Fatalf("%d lookups at once, want 1", got)
		}
		for range 100 {
			w.res.ResolveNow(resolver.ResolveNowOptions{})
			pass(time.Millisecond)
		}
		if got := dns.count() - before; got > 2 {
			t.Errorf("100 ms of requests made %d lookups, want at most 2", got)
		}
	})
}

func TestLiteralAddressNeedsNoDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, &fakeDNS{err: ErrNoAddresses})
		res, err := builder{w.balancer}.Build(resolver.Target{URL: url.URL{Scheme: "dns", Path: "/[::1]:50051"}}, w.channel, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Close()
		synctest.Wait()
		if got := w.balancer.Replicas(); len(got) != 1 || got[0].Address != "[::1]:50051" || got[0].State != Serving {
			t.Errorf("replicas %+v, want one at [::1]:50051 that is serving", got)
		}
	})
}

func TestBadTargets(t *testing.T) {
	for _, u := range []string{"dns:///", "dns:///name", "dns:///name:", "dns:///name:0", "dns:///name:65536", "dns:///name:http", "dns://a:b:c/name:1", "name:1", "passthrough:///name:1", "dns:///name:1\x00"} {
		if err := CheckTarget(u); !errors.Is(err, ErrTarget) {
			t.Errorf("%s: %v, want ErrTarget", u, err)
		}
	}
}

func TestTargetDNSServerPortDefaultsTo53(t *testing.T) {
	got, err := parseTarget(resolver.Target{URL: url.URL{Scheme: "dns", Host: "10.96.0.10", Path: "/a.b.:50051"}})
	if err != nil || got != (target{server: "10.96.0.10:53", host: "a.b.", port: 50051}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
