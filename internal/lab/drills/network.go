package main

import (
	"context"
	"net/netip"
	"time"

	"bookstall/internal/lab/fleet"
)

// networkDrills are what the network does between the shop and its replicas.
func networkDrills() []drill {
	return []drill{
		{name: "reset", shows: "connections reset while calls are under way, ten times in 5 s", cost: unplanned, script: reset},
		{name: "latency-100ms", shows: "100 ms more from the shop to its replicas and back", script: latency},
		{name: "latency-1s", shows: "1 s more from the shop to its replicas and back, for 8 s", cost: without, script: tooSlow},
	}
}

// linked puts a link of ours on the way to each replica.
func (s *scene) linked(ctx context.Context) ([]*fleet.Link, error) {
	var links []*fleet.Link
	var ips []netip.Addr
	for _, r := range s.Replicas() {
		l, err := s.AddLink(r)
		if err != nil {
			return nil, err
		}
		links, ips = append(links, l), append(ips, l.IP)
	}
	s.PublishAddresses(ips...)
	s.mark(remark, "all goes over links")
	// Until the shop has asked DNS again, and the streams to the old addresses have
	// been handed over.
	return links, s.pass(ctx, 4*time.Second)
}

func reset(ctx context.Context, s *scene) error {
	const times, every = 10, time.Second / 2
	for _, r := range s.Replicas() { // so that some calls are always under way
		if err := fleet.Fault(ctx, r.Admin, `{"delay":"50ms"}`); err != nil {
			return err
		}
	}
	links, err := s.linked(ctx)
	if err != nil {
		return err
	}
	cut := 0
	for i := range times {
		s.mark(event, "reset")
		cut += links[i%len(links)].Reset()
		if err := s.pass(ctx, every); err != nil {
			return err
		}
	}
	if cut < times {
		s.fail("%d connections were reset, want %d at least", cut, times)
	}
	return s.pass(ctx, 5*time.Second)
}

func latency(ctx context.Context, s *scene) error {
	const more = 100 * time.Millisecond
	links, err := s.linked(ctx)
	if err != nil {
		return err
	}
	from := s.mark(event, "%v more", more)
	for _, l := range links {
		l.SetDelay(more / 2)
	}
	if err := s.pass(ctx, 10*time.Second); err != nil {
		return err
	}
	s.slower(from, time.Now(), more)
	return nil
}

func tooSlow(ctx context.Context, s *scene) error {
	const more = time.Second
	links, err := s.linked(ctx)
	if err != nil {
		return err
	}
	from := s.mark(event, "%v more", more)
	for _, l := range links {
		l.SetDelay(more / 2)
	}
	if err := s.pass(ctx, 8*time.Second); err != nil {
		return err
	}
	until := s.mark(relief, "no more")
	for _, l := range links {
		l.SetDelay(0)
	}
	s.bestsellers(from.Add(patience), until)
	return s.pass(ctx, 5*time.Second)
}
