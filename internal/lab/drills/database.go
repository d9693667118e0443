package drills

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver of the replicas' store

	"bookstall/internal/lab/fleet"
)

// outageOf takes the store of the replicas away for a while. Readers must notice
// nothing but refused writes. A replica that starts without PostgreSQL has nothing to
// answer from and must not receive calls before it has.
func outageOf(length time.Duration, what string, leave func(context.Context, *scene) (comeBack func() error, err error)) script {
	return func(ctx context.Context, s *scene) error {
		w := s.startWrites(ctx)
		defer w.stop()
		if err := w.waitStatus(ctx, http.StatusCreated, 3*time.Second, time.Time{}); err != nil {
			return err
		}
		var o outage
		o.going = s.mark(event, "%s", what)
		comeBack, err := leave(ctx, s)
		if err != nil {
			return err
		}
		o.gone = time.Now()
		var fresh *fleet.Replica
		if s.database != nil {
			if fresh, err = s.StartReplica(); err != nil {
				return err
			}
			s.Publish(s.Replicas()...)
			s.mark(remark, "%s starts and is in DNS", fresh.Name)
		}
		err = w.waitStatus(ctx, http.StatusServiceUnavailable, length-time.Since(o.gone), o.gone)
		if fresh != nil {
			s.checkNotReady(ctx, fresh)
		}
		o.coming = s.mark(remark, "the database is back")
		if err := errors.Join(err, comeBack()); err != nil {
			return err
		}
		o.back = time.Now()
		if fresh != nil {
			if err := s.waitInUse(ctx, fresh.Name, func() (bool, error) { return fleet.Ready(ctx, fresh.Admin) }); err != nil {
				return err
			}
			s.watchFirstCall(ctx, fresh, time.Now(), firstWithin)
		}
		if err := w.waitStatus(ctx, http.StatusCreated, 5*time.Second, o.back.Add(relieved)); err != nil {
			return err
		}
		s.judgeWrites(ctx, w.stop(), o)
		s.checkNoneEjected()
		return nil
	}
}

func killDatabase(_ context.Context, s *scene) (comeBack func() error, err error) {
	s.database.Kill()
	return s.database.Run, nil
}

func pauseDatabase(_ context.Context, s *scene) (comeBack func() error, err error) {
	return func() error { s.database.Resume(); return nil }, s.database.Pause()
}

// lock locks the database of SQLite exclusively, as another program may.
func lock(ctx context.Context, s *scene) (unlock func() error, err error) {
	db, err := s.openFile()
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error {
		_, err := db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, db.Close())
	}, nil
}

// openFile opens the replicas' database of SQLite, with one connection.
func (s *scene) openFile() (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(s.store, "sqlite:")}).EscapedPath()+"?_pragma=busy_timeout(5000)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// checkNotReady fails if a replica is ready, or has had calls of readers.
func (s *scene) checkNotReady(ctx context.Context, r *fleet.Replica) {
	if ok, err := fleet.Ready(ctx, r.Admin); ok || err != nil {
		s.fail("%s is ready without its store (%v)", r.Name, err)
	}
	if n, err := r.FinishedCalls(); n > 0 || err != nil {
		s.fail("%s had %d calls before it had its store (%v)", r.Name, n, err)
	}
}
