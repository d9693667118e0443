package main

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"bookstall/internal/dnsserver"
	"bookstall/internal/lab/fleet"
)

// lookup is how long marketplace waits for an answer of DNS: one that is under way
// when DNS comes back is waited for first.
const lookup = 2 * time.Second

// dnsDrills are what DNS may say.
func dnsDrills() []drill {
	const long, short = 30 * time.Second, 10 * time.Second
	const late = "; a new replica is in DNS meanwhile"
	return []drill{
		{name: "dns-nxdomain", shows: "DNS says NXDOMAIN for 30 s" + late, script: silent(dnsserver.NXDomain, long, firstWithin)},
		{name: "dns-servfail", shows: "DNS says SERVFAIL for 30 s" + late, script: silent(dnsserver.ServFail, long, firstWithin)},
		{name: "dns-timeout", shows: "DNS does not answer for 30 s" + late + " (which may have its first call 2 s later, for a look-up that is under way)", script: silent(dnsserver.Dropped, long, firstWithin+lookup)},
		{name: "dns-empty", shows: "DNS answers without an address for 10 s" + late, script: silent(dnsserver.Empty, short, firstWithin)},
		{name: "dns-shuffled", shows: "a new order in every answer of DNS", script: shuffled},
		{name: "dns-stale", shows: "a fourth address in DNS where nobody listens, for 10 s", script: stale},
		{name: "dns-stranger", shows: "a fourth address in DNS where a stranger answers gRPC, for 10 s", script: stranger},
	}
}

// silent makes DNS useless for a while. A replica that is published meanwhile has
// its first call soon after.
func silent(b dnsserver.Behavior, length, first time.Duration) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		if err := s.pass(ctx, 2*time.Second); err != nil {
			return err
		}
		began := s.mark(event, "DNS is of no use")
		s.DNS.SetBehavior(b)
		fresh, err := s.AddReplica()
		if err != nil {
			return err
		}
		s.Publish(s.Replicas()...)
		if err := s.pass(ctx, length-time.Since(began)); err != nil {
			return err
		}
		asked := s.DNS.Queries(fleet.Name)
		if n, err := fresh.Asked(); err != nil || n > 0 {
			s.fail("the new replica had %d calls while DNS did not name it (%v)", n, err)
		}
		if asked < int(length.Seconds())/5 {
			s.fail("DNS was asked %d times only", asked)
		}
		s.DNS.SetBehavior(dnsserver.Normal)
		s.firstCall(ctx, fresh, s.mark(remark, "DNS is back"), first)
		return s.pass(ctx, 4*time.Second)
	}
}

func shuffled(ctx context.Context, s *scene) error {
	s.DNS.SetBehavior(dnsserver.Rotated)
	s.even()
	return s.pass(ctx, 12*time.Second)
}

// with puts one more address in DNS for a while.
func (s *scene) with(ctx context.Context, ip netip.Addr, what string) error {
	if err := s.pass(ctx, 2*time.Second); err != nil {
		return err
	}
	var ips []netip.Addr
	for _, r := range s.Replicas() {
		ips = append(ips, r.IP)
	}
	s.PublishAddresses(slices.Insert(ips, 1, ip)...)
	s.mark(event, "%s in DNS", what)
	if err := s.pass(ctx, 10*time.Second); err != nil {
		return err
	}
	s.Publish(s.Replicas()...)
	s.mark(remark, "%s no more in DNS", what)
	return s.pass(ctx, 3*time.Second)
}

func stale(ctx context.Context, s *scene) error {
	return s.with(ctx, s.FreeAddress().Addr(), "an address where nobody listens is")
}

func stranger(ctx context.Context, s *scene) error {
	at := s.FreeAddress()
	other, _, err := startStranger(at.String())
	if err != nil {
		return err
	}
	defer other.stop()
	err = s.with(ctx, at.Addr(), "a stranger is")
	if n := other.watches.Load(); n == 0 {
		s.fail("the stranger was not asked for its health: it was not met")
	}
	if n := other.calls.Load(); n > 0 {
		s.fail("the stranger had %d calls of readers", n)
	}
	return err
}
