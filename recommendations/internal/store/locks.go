package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A lock of PostgreSQL is a row with an owner and a time, by the server's clock, until which
// it holds. A lock of the server itself would belong to a session, of which there is none
// behind a pooler.

// How long a lock holds without being renewed, and so how long others wait for one whose
// process was killed.
const (
	lease        = 20 * time.Second
	migrateLease = 5 * time.Second // all programs that start wait for it
)

const (
	renewals  = 4 // in a lease
	firstWait = 10 * time.Millisecond
	longWait  = time.Second
)

// errLockTaken: the lock was not renewed in time, and another process has it.
var errLockTaken = errors.New("another process has taken over the lock")

// lockRow is a lock for one owner.
type lockRow struct {
	db          *sql.DB
	name, owner string
	lasts       time.Duration
}

func (d postgres) lock(ctx context.Context, write *sql.DB, name string) (held context.Context, unlock func(), err error) {
	return lockFor(ctx, write, name, d.lease)
}

// lockFor waits until nobody holds the lock, and renews it until unlock. An outage of the
// database alone does not end held: the lock is still there afterwards, unless another process
// was faster.
func lockFor(ctx context.Context, db *sql.DB, name string, lasts time.Duration) (held context.Context, unlock func(), err error) {
	host, _ := os.Hostname() // for people: the rest is unique
	l := lockRow{db, name, fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()), lasts}
	wait := backoff.ExponentialBackOff{InitialInterval: firstWait, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: longWait}
	for {
		taken, err := l.take(ctx)
		if err != nil {
			if ctx.Err() != nil { // it may be taken all the same
				l.release(ctx)
			}
			return nil, nil, err
		}
		if taken {
			break
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(wait.NextBackOff()):
		}
	}
	held, end := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		l.renew(held, end)
	}()
	return held, func() {
		end(nil)
		<-renewed
		l.release(ctx)
	}, nil
}

// take takes the lock if it is free or has expired.
func (l lockRow) take(ctx context.Context) (taken bool, err error) {
	taken, err = l.change(ctx, "INSERT INTO locks AS l (name, owner, expires) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) "+
		"ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires = excluded.expires WHERE l.expires < clock_timestamp()", l.lasts.Seconds())
	if failed, ok := errors.AsType[*pgconn.PgError](err); !ok || failed.Code != "42P01" { // undefined_table
		return taken, err
	}
	// No migration makes this table, as it guards them.
	_, err = l.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS locks (name text PRIMARY KEY, owner text NOT NULL, expires timestamptz NOT NULL)")
	if collided(err) { // IF NOT EXISTS does not see what another transaction has not committed yet
		err = nil
	}
	return false, err
}

// renew renews the lock until held ends, and ends it once another process has the lock.
func (l lockRow) renew(held context.Context, end context.CancelCauseFunc) {
	every := l.lasts / renewals
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-held.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(held, every)
		still, err := l.change(ctx, "UPDATE locks SET expires = clock_timestamp() + make_interval(secs => $3) WHERE name = $1 AND owner = $2", l.lasts.Seconds())
		cancel()
		if err == nil && !still {
			end(errLockTaken)
			return
		}
	}
}

// release lets the next process have the lock at once. If that fails, the lock expires.
func (l lockRow) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_, _ = l.change(ctx, "DELETE FROM locks WHERE name = $1 AND owner = $2")
}

// change reports whether a statement changed the row of the lock.
func (l lockRow) change(ctx context.Context, statement string, more ...any) (changed bool, err error) {
	result, err := l.db.ExecContext(ctx, statement, append([]any{l.name, l.owner}, more...)...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
