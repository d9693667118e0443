package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// moment returns how long to wait before the next kill.
func moment() time.Duration { return time.Duration(100+rand.IntN(400)) * time.Millisecond }

// TestCrashesOfPostgresLoseNothing crashes the server while processes write, and now
// and then one of them.
func TestCrashesOfPostgresLoseNothing(t *testing.T) {
	server := pgtest.Start(t)
	url := server.NewDatabase()
	mustHead(t, open(t, url)) // who is killed while migrating would keep the others waiting for its lock
	c := newCrew(t, url, 2)
	crashes := 0
	for end := time.Now().Add(*processes); time.Now().Before(end); crashes++ {
		time.Sleep(moment())
		server.Restart()
		time.Sleep(moment())
		c.kill(t, c.killed%2)
	}
	t.Logf("%d crashes of the server", crashes)
	c.end(t, url)
}

// TestOutageOfPostgres stops the server: all calls fail soon, with ErrStoreDown. Once it
// is back, everything works again by itself.
func TestOutageOfPostgres(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.NewDatabase())
	record(t, s, like("before", 7, 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := s.Changes(ctx)
	<-changes // the first one: it listens
	holding := make(chan error, 1)
	inside, release := make(chan struct{}), make(chan struct{})
	go func() {
		holding <- s.WithLock(t.Context(), "train", func(ctx context.Context) error {
			close(inside)
			<-release
			return context.Cause(ctx)
		})
	}()
	<-inside

	server.Stop()
	for name, do := range all(s) {
		short, end := context.WithTimeout(t.Context(), 2*time.Second)
		began := time.Now()
		err := do(short)
		end()
		if !errors.Is(err, domain.ErrStoreDown) || time.Since(began) > 2500*time.Millisecond {
			t.Errorf("%s: %v after %v, want domain.ErrStoreDown within 2.5 s", name, err, time.Since(began))
		}
	}

	server.Run()
	for name, do := range all(s) {
		if err := do(within(t)); err != nil {
			t.Errorf("%s after the server came back: %v, want no error", name, err)
		}
	}
	close(release)
	if err := <-holding; err != nil { // the lock outlived the outage, as nobody took it
		t.Errorf("WithLock: %v, want no error", err)
	}
	// It listens again: a change is notified, after the value that connecting itself
	// sends.
	other := open(t, server.NewDatabase())
	record(t, other, like("elsewhere", 7, 1))
	select {
	case <-changes:
	case <-time.After(15 * time.Second):
		t.Error("no notification within 15 s")
	}
}

// all makes a call of each kind.
func all(s *store.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"head":    func(ctx context.Context) error { _, err := s.Head(ctx); return err },
		"catalog": func(ctx context.Context) error { _, err := s.Catalog(ctx); return err },
		"history": func(ctx context.Context) error { _, err := s.History(ctx, 7); return err },
		"histories": func(ctx context.Context) error {
			_, err := s.Histories(ctx, store.Position{}, func(domain.Reader) error { return nil })
			return err
		},
		"record": func(ctx context.Context) error {
			_, err := s.Record(ctx, []domain.Interaction{like("during", 7, 2)})
			return err
		},
		"forget": func(ctx context.Context) error { _, err := s.Forget(ctx, 8, 0); return err },
		"import": func(ctx context.Context) error {
			_, err := s.Import(ctx, store.ImportRequest{Catalog: catalog(1)})
			return err
		},
		"models": func(ctx context.Context) error { _, err := s.Models(ctx); return err },
		"lock": func(ctx context.Context) error {
			return s.WithLock(ctx, "other", func(context.Context) error { return nil })
		},
	}
}

// TestNeverReached uses stores that cannot be reached at all.
func TestNeverReached(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"nobody listens":    "postgres://me:topsecret@127.0.0.1:1/d",
		"no such folder":    "sqlite:" + filepath.Join(t.TempDir(), "none", "x.db"),
		"a file, no folder": "sqlite:" + filepath.Join(file, "x.db"),
	} {
		s := open(t, url)
		for call, do := range all(s) {
			err := do(within(t))
			if !errors.Is(err, domain.ErrStoreDown) {
				t.Errorf("%s: %s: %v", name, call, err)
			} else if strings.Contains(err.Error(), "topsecret") {
				t.Errorf("%s: the password is in %v", name, err)
			}
		}
	}
}

func testWritesThatCannotBe(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	record(t, s, like("a", 7, 1))
	if _, err := db.raw(url).Exec("UPDATE histories SET data = $1 WHERE user_id = 7", []byte{0x80}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Record(within(t), []domain.Interaction{like("b", 7, 2)})
	if err == nil || errors.Is(err, domain.ErrStoreDown) {
		t.Errorf("Record with a damaged history: %v, want an error other than domain.ErrStoreDown", err)
	}
	// An interaction that cannot be stored does not fail those that share its commit.
	results := make(chan error)
	for i := range 40 {
		go func() {
			_, err := s.Record(within(t), []domain.Interaction{like(fmt.Sprintf("many%d", i), int64(7+i%2), 2)})
			if bad := i%2 == 0; bad != (err != nil) {
				err = fmt.Errorf("reader %d: %w", 7+i%2, err)
			} else {
				err = nil
			}
			results <- err
		}()
	}
	for range 40 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func testWhoGivesUpIsFree(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	record(t, s, like("a", 7, 1))
	// Another process hangs in the middle of a commit.
	block := open(t, url)
	inside, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- store.Hold(within(t), block, func() { close(inside); <-release }) }()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := s.Record(ctx, []domain.Interaction{like("b", 7, 2)})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, domain.ErrStoreDown) || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := record(t, s, like("b", 7, 2)); got[0].Status != domain.Repeated && got[0].Status != domain.Stored {
		t.Errorf("the same again: %+v", got)
	}
	if h := history(t, s, 7); len(h) != 2 {
		t.Errorf("history %v", h)
	}
}
