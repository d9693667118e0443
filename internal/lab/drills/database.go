package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/pgserver"
)

// databaseDrills are what happens to a PostgreSQL that the replicas share.
func databaseDrills() []drill {
	const meanwhile = "; a write every half second, and a new replica meanwhile"
	return []drill{
		{
			name: "database-gone", shows: "PostgreSQL is stopped as by a crash, for 30 s" + meanwhile, store: inServer, needs: pgserver.Check,
			script: away(30*time.Second, "stopped",
				func(s *pgserver.Server) error { s.Kill(); return nil }, (*pgserver.Server).Run),
		},
		{
			name: "database-hangs", shows: "PostgreSQL hangs (SIGSTOP) for 15 s" + meanwhile, store: inServer, needs: pgserver.Check,
			script: away(15*time.Second, "made to hang",
				(*pgserver.Server).Pause, func(s *pgserver.Server) error { s.Resume(); return nil }),
		},
	}
}

// away takes PostgreSQL away for a while. Readers must not notice but by writes
// that are refused; a replica that starts meanwhile has nothing to answer from and
// must have no calls until it has.
func away(length time.Duration, how string, leave, comeBack func(*pgserver.Server) error) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		writing := s.writes(ctx)
		defer writing()
		if err := s.pass(ctx, 3*time.Second); err != nil {
			return err
		}
		var o outage
		o.going = s.mark(event, "PostgreSQL is %s", how)
		if err := leave(s.database); err != nil {
			return err
		}
		o.gone = time.Now()
		fresh, err := s.StartReplica()
		if err != nil {
			return err
		}
		s.Publish(s.Replicas()...)
		s.mark(remark, "%s starts and is in DNS", fresh.Name)
		if err := s.pass(ctx, length-time.Since(o.gone)); err != nil {
			return err
		}
		s.notReady(ctx, fresh)
		o.coming = s.mark(remark, "PostgreSQL is there again")
		if err := comeBack(s.database); err != nil {
			return err
		}
		o.back = time.Now()
		if err := s.takenUp(ctx, fresh.Name, o.back, func() (bool, error) { return ready(ctx, fresh) }); err != nil {
			return err
		}
		s.firstCall(ctx, fresh, time.Now(), firstWithin)
		if err := s.pass(ctx, 5*time.Second); err != nil {
			return err
		}
		s.judgeWrites(ctx, writing(), o)
		return nil
	}
}

// ready says whether a replica says that it is.
func ready(ctx context.Context, r *fleet.Replica) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Admin+"/readyz", nil)
	if err != nil {
		return false, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return false, fmt.Errorf("%s: %w", r.Name, err)
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK, nil
}

// notReady fails if a replica is ready, or had calls of readers.
func (s *scene) notReady(ctx context.Context, r *fleet.Replica) {
	if ok, err := ready(ctx, r); ok || err != nil {
		s.fail("%s is ready without its store (%v)", r.Name, err)
	}
	if n, err := r.Asked(); n > 0 || err != nil {
		s.fail("%s had %d calls before it had its store (%v)", r.Name, n, err)
	}
}
