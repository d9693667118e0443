package drills

import (
	"context"
	"time"

	"bookstall/internal/lab/fleet"
)

// kill kills n replicas. They stay in DNS for some seconds, as the replicas of a
// lost node do, and are then replaced.
func kill(n int) script {
	return func(ctx context.Context, s *scene) error {
		s.mark(event, "kill -9 of %d", n)
		if err := together(s.Replicas()[:n], (*fleet.Replica).Kill); err != nil {
			return err
		}
		s.wait(ctx, 5*time.Second)
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
		s.wait(ctx, 6*time.Second)
		return nil
	}
}

func allGone(ctx context.Context, s *scene) error {
	const away = 20 * time.Second
	gone := s.mark(event, "kill -9 of all")
	s.Publish()
	if err := together(s.Replicas(), (*fleet.Replica).Kill); err != nil {
		return err
	}
	dead := time.Now()
	s.wait(ctx, away-time.Since(gone))
	for range 3 {
		if _, err := s.AddReplica(); err != nil {
			return err
		}
	}
	s.checkAllFellBack(dead, s.mark(relief, "three new in DNS"))
	s.Publish(s.Replicas()[3:]...)
	s.wait(ctx, 6*time.Second)
	return nil
}

func killShop(ctx context.Context, s *scene) error {
	if err := s.addShop(ctx, 2); err != nil {
		return err
	}
	s.wait(ctx, 3*time.Second)
	s.mark(event, "kill -9 of a shop")
	if err := s.Marketplaces()[1].Kill(); err != nil {
		return err
	}
	s.wait(ctx, 4*time.Second)
	if err := s.addShop(ctx, 2); err != nil {
		return err
	}
	s.mark(remark, "two shops again")
	s.wait(ctx, 4*time.Second)
	return nil
}
