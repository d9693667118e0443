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
		trace, err := s.startTrace(ctx, r)
		if err != nil {
			return err
		}
		defer trace.stop()
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
		well := s.mark(remark, "%s is well", r.Name)
		s.watchFirstCall(ctx, r, well, firstWithin)
		s.wait(ctx, 4*time.Second)
		_, err = s.figureTrace(trace, since, well)
		return err
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
