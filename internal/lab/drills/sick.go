package drills

import (
	"context"
	"time"

	"bookstall/internal/lab/fleet"
)

const (
	// patience is how long a page waits by marketplace's default.
	patience = 300 * time.Millisecond
	sickFor  = 8 * time.Second
)

// injectFaults injects faults, described in JSON, into one replica for sickFor. The
// replica must soon receive no calls, and receive them again once it is well.
func injectFaults(faults string) script {
	return func(ctx context.Context, s *scene) error {
		r := s.Replicas()[0]
		since := s.mark(event, "%s: %s", r.Name, faults)
		if err := fleet.Fault(ctx, r.Admin, faults); err != nil {
			return err
		}
		stop := s.watchLastCall(ctx, r, since)
		s.wait(ctx, sickFor)
		stop()
		if err := fleet.Fault(ctx, r.Admin, `{}`); err != nil {
			return err
		}
		s.watchFirstCall(ctx, r, s.mark(remark, "%s is well", r.Name), firstWithin)
		s.wait(ctx, 4*time.Second)
		return nil
	}
}

func sigstop(ctx context.Context, s *scene) error {
	r := s.Replicas()[0]
	s.checkLastFallback(s.mark(event, "%s hangs", r.Name), patience+lastWithin)
	if err := r.Pause(); err != nil {
		return err
	}
	s.wait(ctx, 10*time.Second)
	if err := r.Resume(); err != nil {
		return err
	}
	since := s.mark(remark, "%s resumes", r.Name)
	return s.waitFirstAnswer(ctx, r, since, firstWithin, 4*time.Second)
}
