package drills

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
)

func steady(ctx context.Context, s *scene) error {
	s.checkEvenShares()
	s.wait(ctx, 15*time.Second)
	return nil
}

func scale(ctx context.Context, s *scene) error {
	const more = 8
	first := s.Replicas()
	for range more {
		r, err := s.AddReplica()
		if err != nil {
			return err
		}
		s.Publish(s.Replicas()...)
		s.watchFirstCall(ctx, r, s.mark(event, "%s is in DNS", r.Name), firstWithin)
	}
	s.wait(ctx, 6*time.Second)
	s.watchers.Wait()
	s.Publish(first...)
	s.mark(event, "%d replicas stop", more)
	if err := together(s.Replicas()[len(first):], interrupt); err != nil {
		return err
	}
	s.wait(ctx, 4*time.Second)
	return nil
}

func rollReplicas(ctx context.Context, s *scene) error {
	serving := s.Replicas()
	for _, old := range s.Replicas() {
		s.wait(ctx, 2*time.Second)
		fresh, err := s.AddReplica()
		if err != nil {
			return err
		}
		serving = append(serving, fresh)
		s.Publish(serving...)
		s.watchFirstCall(ctx, fresh, s.mark(event, "%s replaces %s", fresh.Name, old.Name), firstWithin)
		serving = slices.DeleteFunc(serving, func(r *fleet.Replica) bool { return r == old })
		s.Publish(serving...)
		if err := interrupt(old); err != nil {
			return err
		}
	}
	s.wait(ctx, 4*time.Second)
	return nil
}

// addShop runs one more shop and returns once ready shops receive connections.
func (s *scene) addShop(ctx context.Context, ready int) error {
	if _, err := s.AddMarketplace(); err != nil {
		return err
	}
	what := fmt.Sprintf("%d shops to receive connections", ready)
	return s.waitFor(ctx, readyBound, what, func() (bool, error) { return s.Switch.Ready() == ready, nil })
}

func rollShops(ctx context.Context, s *scene) error {
	if err := s.addShop(ctx, 2); err != nil {
		return err
	}
	for _, old := range s.Marketplaces() {
		s.wait(ctx, 2*time.Second)
		if err := s.addShop(ctx, 3); err != nil {
			return err
		}
		s.mark(event, "a new shop replaces an old one")
		if err := old.Stop(stopWithin); err != nil {
			return err
		}
	}
	s.wait(ctx, 4*time.Second)
	return nil
}

func connectionAge(ctx context.Context, s *scene) error {
	const length, least = 12 * time.Second, 5 // connections to each replica in that time
	s.wait(ctx, length)
	for _, r := range s.Replicas() {
		// Each connection begins with a watch of health.
		n, err := fleet.Metric(r.Admin, "grpc_server_call_started_total", `grpc_method="grpc.health.v1.Health/Watch"`)
		if err != nil || n < least {
			s.fail("%s saw %.0f connections, want %d at least (%v)", r.Name, n, least, err)
		}
		s.figure("%s saw %.0f connections", r.Name, n)
	}
	return nil
}
