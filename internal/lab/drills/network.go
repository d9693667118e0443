package drills

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"bookstall/internal/lab/fleet"
)

// addLinks puts a link of ours between the shop and each replica, and returns once
// the shop uses no connection but those over the links.
func (s *scene) addLinks(ctx context.Context) ([]*fleet.Link, error) {
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
	s.mark(remark, "all calls go over links")
	return links, s.waitAtLeast(ctx, 4*time.Second, linkBound, "the shop to use the links alone", func() (bool, error) {
		for i, r := range s.Replicas() {
			if n, err := watches(r); err != nil || n != 1 || links[i].Connections() == 0 {
				return false, err
			}
		}
		return true, nil
	})
}

// watches returns how many clients watch the health of a replica: one for each
// connection in use.
func watches(r *fleet.Replica) (int, error) {
	const watch = `grpc_method="grpc.health.v1.Health/Watch"`
	began, err := fleet.Metric(r.Admin, "grpc_server_call_started_total", watch)
	if err != nil {
		return 0, err
	}
	ended, err := fleet.Metric(r.Admin, "grpc_server_call_duration_seconds_count", watch)
	return int(began - ended), err
}

func reset(ctx context.Context, s *scene) error {
	const times, every = 10, time.Second / 2
	for _, r := range s.Replicas() { // so that some calls are always in flight
		if err := fleet.Fault(ctx, r.Admin, `{"delay":"50ms"}`); err != nil {
			return err
		}
	}
	links, err := s.addLinks(ctx)
	if err != nil {
		return err
	}
	for i := range times {
		l := links[i%len(links)]
		what := fmt.Sprintf("a connection to reset, number %d of %d", i+1, times)
		if err := s.waitFor(ctx, linkBound, what, func() (bool, error) { return l.Connections() > 0, nil }); err != nil {
			return err
		}
		s.mark(event, "reset")
		if l.Reset() == 0 {
			s.fail("reset %d of %d met no connection", i+1, times)
		}
		s.wait(ctx, every)
	}
	s.wait(ctx, 5*time.Second)
	return nil
}

// delayed makes the way between the shop and its replicas and back longer for a while.
// A page waits for patience: up to that calls take longer, beyond it all fall back.
func delayed(more, length time.Duration) script {
	return func(ctx context.Context, s *scene) error {
		links, err := s.addLinks(ctx)
		if err != nil {
			return err
		}
		from := s.mark(event, "%v more", more)
		for _, l := range links {
			l.SetDelay(more / 2)
		}
		s.wait(ctx, length)
		until := s.mark(relief, "no delay")
		for _, l := range links {
			l.SetDelay(0)
		}
		if more < patience {
			s.checkSlower(from, until, more)
		} else {
			s.checkAllFellBack(from.Add(patience), until)
		}
		s.wait(ctx, 5*time.Second)
		s.checkNoneEjected()
		return nil
	}
}
