package drills

import (
	"context"
	"errors"
	"sync"
	"time"

	"bookstall/internal/lab/fleet"
)

// lossDrills are processes that end without warning.
func lossDrills() []drill {
	return []drill{
		{name: "kill-one", shows: "kill -9 of one of three replicas", cost: unplanned, script: func(ctx context.Context, s *scene) error { return kill(ctx, s, 1) }},
		{name: "kill-two", shows: "kill -9 of two of three replicas", cost: unplanned, script: func(ctx context.Context, s *scene) error { return kill(ctx, s, 2) }},
		{name: "all-gone", shows: "kill -9 of all replicas, three new ones 20 s later", cost: without, script: allGone},
		{
			name: "kill-marketplace", shows: "kill -9 of one of two shops behind a switch", cost: shopLost,
			fleet: fleet.Config{Switched: true}, script: killShop,
		},
	}
}

// killAll kills replicas at the same time.
func killAll(replicas []*fleet.Replica) error {
	var killing sync.WaitGroup
	errs := make([]error, len(replicas))
	for i, r := range replicas {
		killing.Go(func() { errs[i] = r.Kill() })
	}
	killing.Wait()
	return errors.Join(errs...)
}

// kill kills n replicas. They stay in DNS for some seconds, as the replicas of a
// lost node do, and are then replaced.
func kill(ctx context.Context, s *scene, n int) error {
	if err := s.wait(ctx, 3*time.Second); err != nil {
		return err
	}
	s.mark(event, "kill -9 of %d", n)
	if err := killAll(s.Replicas()[:n]); err != nil {
		return err
	}
	if err := s.wait(ctx, 5*time.Second); err != nil {
		return err
	}
	for range n {
		if _, err := s.AddReplica(); err != nil {
			return err
		}
	}
	s.Publish(s.Replicas()[n:]...)
	since := s.mark(remark, "%d new in DNS", n)
	for _, r := range s.Replicas()[3:] {
		s.watchFirstCall(ctx, r, since, firstWithin)
	}
	return s.wait(ctx, 6*time.Second)
}

func allGone(ctx context.Context, s *scene) error {
	const away = 20 * time.Second
	if err := s.wait(ctx, 3*time.Second); err != nil {
		return err
	}
	gone := s.mark(event, "kill -9 of all")
	s.Publish()
	if err := killAll(s.Replicas()); err != nil {
		return err
	}
	dead := time.Now()
	if err := s.wait(ctx, away-time.Since(gone)); err != nil {
		return err
	}
	fresh := make([]*fleet.Replica, 3)
	for i := range fresh {
		r, err := s.AddReplica()
		if err != nil {
			return err
		}
		fresh[i] = r
	}
	s.checkAllFellBack(dead, s.mark(relief, "three new in DNS"))
	s.Publish(fresh...)
	return s.wait(ctx, 6*time.Second)
}

func killShop(ctx context.Context, s *scene) error {
	if err := s.addShop(ctx, 2); err != nil {
		return err
	}
	if err := s.wait(ctx, 3*time.Second); err != nil {
		return err
	}
	s.mark(event, "kill -9 of a shop")
	if err := s.Marketplaces()[1].Kill(); err != nil {
		return err
	}
	if err := s.wait(ctx, 4*time.Second); err != nil {
		return err
	}
	if err := s.addShop(ctx, 2); err != nil {
		return err
	}
	s.mark(remark, "two shops again")
	return s.wait(ctx, 4*time.Second)
}
