package main

import (
	"context"
	"time"

	"bookstall/internal/lab/fleet"
)

const (
	// patience is marketplace's default for how long a page waits.
	patience = 300 * time.Millisecond
	sickFor  = 8 * time.Second
	// fifty is some 50 times what a page takes.
	fifty = "150ms"
)

// sickDrills are replicas that live and do not do what they should.
func sickDrills() []drill {
	return []drill{
		{name: "sigstop", shows: "SIGSTOP of one of three replicas for 10 s", cost: unplanned, script: sigstop},
		{name: "errors", shows: "one of three replicas fails every call with INTERNAL for 8 s", cost: unplanned, script: func(ctx context.Context, s *scene) error {
			return sick(ctx, s, `{"error_share":1,"code":"INTERNAL"}`)
		}},
		{name: "slow", shows: "one of three replicas takes " + fifty + " more a call, some 50 times a page, for 8 s", cost: unplanned, script: func(ctx context.Context, s *scene) error {
			return sick(ctx, s, `{"delay":"`+fifty+`"}`)
		}},
		{name: "not-serving", shows: "one of three replicas says NOT_SERVING for 8 s", script: func(ctx context.Context, s *scene) error {
			return sick(ctx, s, `{"not_serving":true}`)
		}},
	}
}

// sick puts faults on one replica for a while. It must lose its calls at once, and
// have them again when it is well.
func sick(ctx context.Context, s *scene, faults string) error {
	if err := s.pass(ctx, 3*time.Second); err != nil {
		return err
	}
	r := s.Replicas()[0]
	since := s.mark(event, "%s: %s", r.Name, faults)
	if err := fleet.Fault(ctx, r.Admin, faults); err != nil {
		return err
	}
	stop := s.lastCall(ctx, r, since)
	err := s.pass(ctx, sickFor)
	stop()
	if err != nil {
		return err
	}
	if err := fleet.Fault(ctx, r.Admin, `{}`); err != nil {
		return err
	}
	s.firstCall(ctx, r, s.mark(remark, "%s is well", r.Name), firstWithin)
	return s.pass(ctx, 4*time.Second)
}

func sigstop(ctx context.Context, s *scene) error {
	if err := s.pass(ctx, 3*time.Second); err != nil {
		return err
	}
	r := s.Replicas()[0]
	s.lastFallback(s.mark(event, "%s hangs", r.Name), patience+lastWithin)
	if err := r.Pause(); err != nil {
		return err
	}
	if err := s.pass(ctx, 10*time.Second); err != nil {
		return err
	}
	if err := r.Resume(); err != nil {
		return err
	}
	since := s.mark(remark, "%s goes on", r.Name)
	// What came while it hung is not a call of now.
	if err := s.pass(ctx, time.Second/2); err != nil {
		return err
	}
	s.firstCall(ctx, r, since, firstWithin)
	return s.pass(ctx, 4*time.Second)
}
