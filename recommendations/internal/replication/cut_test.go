package replication_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/replication"
)

// A store that was restored from a backup, or a standby that lost commits, has new commits
// with the numbers of the lost ones by the time a replica sees it. The replica must show
// what is stored, and nothing that was lost.
func TestCommitsThatTheStoreLostLeaveTheMemory(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		testLostCommits(t, newURL(t), func(url string) string {
			copied := filepath.Join(t.TempDir(), "copy.db")
			db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
			if err == nil {
				_, err = db.Exec("VACUUM INTO ?", copied)
			}
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + copied
		})
	})
	t.Run("postgres", func(t *testing.T) {
		server := pgtest.Start(t)
		testLostCommits(t, server.NewDatabase(), server.CopyOf)
	})
}

func testLostCommits(t *testing.T, url string, copied func(url string) string) {
	t.Helper()
	a := start(t, url)
	a.record(t, like("kept", 777, 2))
	restored := start(t, copied(url))

	// The future that will be lost.
	last := a.record(t, like("lost", 777, 4)).Reader.Seq
	swap := &swapped{Store: a.store}
	books := recommender.New()
	loaded := make(chan struct{})
	registry := prometheus.NewRegistry()
	l := replication.New(replication.Config{
		Store: swap, Recommender: books, Workers: 1, OnLoaded: func() { close(loaded) }, Log: logr.Discard(), Registry: registry,
	})
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	t.Cleanup(func() {
		if err := errors.Join(l.Stop(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	<-loaded
	if n := len(history(t, books, 777)); n != 2 {
		t.Fatalf("%d books before, want 2", n)
	}
	changed, end := books.Follow(777)
	defer end()

	restored.record(t, like("b", 888, 6))
	if now := restored.record(t, like("c", 888, 8)).Reader.Seq; now <= last {
		t.Fatalf("the restored store is at %d, want it beyond %d", now, last)
	}
	swap.to(restored.store)
	within(t, 5*time.Second, "what is stored", func() bool {
		return len(history(t, books, 777)) == 1 && len(history(t, books, 888)) == 2
	})
	select {
	case <-changed:
	default:
		t.Error("a follower was not woken")
	}
	if lost := l.CatchUp(t.Context(), 777, last); !lost {
		t.Error("a version that was lost counts as one to wait for")
	}
	if lost := l.CatchUp(t.Context(), 777, 1<<40); !lost {
		t.Error("a version that was lost, and is far ahead, counts as one to wait for")
	}
	if seq := books.Reader(888).Seq; l.CatchUp(t.Context(), 888, seq) {
		t.Error("a version that is there counts as lost")
	}
	counted, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range counted {
		if n := family.GetMetric()[0].GetCounter().GetValue(); family.GetName() == "recommendations_store_cuts_total" && n != 1 {
			t.Errorf("%v cuts, want 1", n)
		}
	}
}

func history(t *testing.T, books *recommender.Recommender, id int64) domain.History {
	t.Helper()
	h, _, err := books.History(id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
