package drills

import (
	"context"
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
			script: databaseOutage(30*time.Second, "stopped",
				func(s *pgserver.Server) error { s.Kill(); return nil }, (*pgserver.Server).Run),
		},
		{
			name: "database-hangs", shows: "PostgreSQL hangs (SIGSTOP) for 15 s" + meanwhile, store: inServer, needs: pgserver.Check,
			script: databaseOutage(15*time.Second, "hanging",
				(*pgserver.Server).Pause, func(s *pgserver.Server) error { s.Resume(); return nil }),
		},
	}
}

// databaseOutage takes PostgreSQL away for a while. Readers must notice nothing but
// refused writes. A replica that starts meanwhile has nothing to answer from and must
// not receive calls before it has.
func databaseOutage(length time.Duration, how string, leave, comeBack func(*pgserver.Server) error) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		w := s.startWrites(ctx)
		defer w.stop()
		if err := w.waitKept(ctx, 3*time.Second, time.Time{}); err != nil {
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
		if err := w.waitRefused(ctx, length-time.Since(o.gone), o.gone); err != nil {
			return err
		}
		s.checkNotReady(ctx, fresh)
		o.coming = s.mark(remark, "PostgreSQL is back")
		if err := comeBack(s.database); err != nil {
			return err
		}
		o.back = time.Now()
		if err := s.waitInUse(ctx, fresh.Name, o.back, func() (bool, error) { return fleet.Ready(ctx, fresh.Admin) }); err != nil {
			return err
		}
		s.watchFirstCall(ctx, fresh, time.Now(), firstWithin)
		if err := w.waitKept(ctx, 5*time.Second, o.back.Add(relieved)); err != nil {
			return err
		}
		s.judgeWrites(ctx, w.stop(), o)
		return nil
	}
}

// checkNotReady fails if a replica is ready, or has had calls of readers.
func (s *scene) checkNotReady(ctx context.Context, r *fleet.Replica) {
	if ok, err := fleet.Ready(ctx, r.Admin); ok || err != nil {
		s.fail("%s is ready without its store (%v)", r.Name, err)
	}
	if n, err := r.Asked(); n > 0 || err != nil {
		s.fail("%s had %d calls before it had its store (%v)", r.Name, n, err)
	}
}
