//go:build unix

package server

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/recommender"
)

// worked measures how long each handler ran.
type worked chan time.Duration

func (w worked) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			began := time.Now()
			defer func() { w <- time.Since(began) }()
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			began := time.Now()
			defer func() { w <- time.Since(began) }()
			return next(srv, ss)
		}),
	}
}

const (
	patience = 50 * time.Millisecond  // deadline of the callers
	lateness = 500 * time.Millisecond // allowance for a slow host; shorter than all other timeouts of a write
)

// giveUp makes a call that cannot be answered before its deadline, and fails unless
// the handler ends soon after it. On a busy host the deadline may pass before the call
// reaches its handler; such a call is repeated.
func (w worked) giveUp(t *testing.T, do func(context.Context) error) {
	t.Helper()
	for !w.gaveUp(t, do) {
		t.Log("a call did not reach its handler before its deadline")
	}
}

// gaveUp reports whether the call reached its handler.
func (w worked) gaveUp(t *testing.T, do func(context.Context) error) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// Either the handler or its caller sees the deadline first; and writes reserve
	// part of the time to answer that the store is unreachable.
	if err := do(ctx); status.Code(err) != codes.DeadlineExceeded && status.Code(err) != codes.Unavailable && status.Code(err) != codes.Unknown {
		t.Errorf("got %v, want DeadlineExceeded, Unavailable or Unknown", err)
	}
	select {
	case took := <-w:
		if took > patience+lateness {
			t.Errorf("the handler worked %v for a caller who waits %v", took, patience)
		}
		return true
	case <-time.After(10 * time.Second): // longer than any handler may take
		return false
	}
}

// calls are the unary RPCs and RecordInteractions.
func calls(api recommendationsv1.RecommendationsServiceClient, id string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"RecordInteractions": func(ctx context.Context) error {
			stream, err := api.RecordInteractions(ctx)
			if err != nil {
				return err
			}
			if err := stream.Send(&recommendationsv1.RecordInteractionsRequest{Interaction: did(id, 7, 1, aLike, 0)}); err != nil {
				return err
			}
			_, err = stream.CloseAndRecv()
			return err
		},
		"ForgetReader": func(ctx context.Context) error {
			_, err := api.ForgetReader(ctx, &recommendationsv1.ForgetReaderRequest{UserId: 8})
			return err
		},
		"GetHistory": func(ctx context.Context) error {
			_, err := api.GetHistory(ctx, &recommendationsv1.GetHistoryRequest{UserId: 7, MinVersion: 1 << 40})
			return err
		},
		"Recommend": func(ctx context.Context) error {
			_, err := api.Recommend(ctx, &recommendationsv1.RecommendRequest{UserId: 7, MinVersion: 1 << 40})
			return err
		},
	}
}

// hung is a journal that never answers.
type hung struct{ down }

func (hung) CatchUp(ctx context.Context, _, _ int64) bool {
	<-ctx.Done()
	return false
}

// TestReadsEndWithTheirCaller: the store does not answer while a replica catches up.
func TestReadsEndWithTheirCaller(t *testing.T) {
	rec := recommender.New()
	if err := rec.Load(testLibrary(), 1); err != nil {
		t.Fatal(err)
	}
	w := make(worked, 1)
	all := calls(listen(t, New(Config{
		Recommender: rec, Journal: hung{}, Name: "replica-1", FollowAge: time.Minute,
		Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry(),
	}), w.options()...), "a")
	for _, name := range []string{"GetHistory", "Recommend"} {
		t.Run(name, func(t *testing.T) { w.giveUp(t, all[name]) })
	}
}

// TestWritesEndWithTheirCaller: another process holds the lock of the database.
func TestWritesEndWithTheirCaller(t *testing.T) {
	for how, hold := range map[string]func(t *testing.T, file string) (release func() error){
		"by the lock of all writers": holdLock,
		"by a transaction":           holdTransaction,
	} {
		for _, name := range []string{"RecordInteractions", "ForgetReader"} {
			t.Run(name+", held "+how, func(t *testing.T) {
				w := make(worked, 1)
				r := remember(t, time.Minute, w.options()...)
				if _, err := recordAll(t, r, did("before", 7, 2, aLike, 0)); err != nil {
					t.Fatal(err)
				}
				<-w
				release := hold(t, r.file)
				do := calls(r, "during")[name]
				w.giveUp(t, do)
				if err := release(); err != nil {
					t.Fatal(err)
				}
				// No work is left that the next call would have to wait for.
				if err := do(within(t)); err != nil {
					t.Errorf("call after the overload: %v, want no error", err)
				}
				if took := <-w; took > 2*time.Second {
					t.Errorf("later: took %v", took)
				}
			})
		}
	}
}

func holdLock(t *testing.T, file string) func() error {
	t.Helper()
	lock, err := os.OpenFile(file+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return lock.Close
}

func holdTransaction(t *testing.T, file string) func() error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	for err != nil && strings.Contains(err.Error(), "SQLITE_BUSY") && t.Context().Err() == nil { // the replica itself writes
		tx, err = db.BeginTx(t.Context(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }
}
