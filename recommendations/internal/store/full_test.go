package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// longLike is a like that takes space.
func longLike(n int) domain.Interaction {
	return like(fmt.Sprintf("%s-%d", strings.Repeat("x", 100), n), 7, int64(n+1))
}

// checkFull writes into a store until it is full. Then writes are unavailable for that cause,
// and reads go on: they have what was acknowledged. After free, the same store takes writes.
func checkFull(t *testing.T, s *store.Store, free func() error) {
	t.Helper()
	stored := 0
	for ; ; stored++ {
		_, err := s.Record(within(t), []domain.Interaction{longLike(stored)})
		if err == nil && stored < 100_000 {
			continue
		}
		if !errors.Is(err, domain.ErrStoreDown) || store.CauseOf(err) != store.Full {
			t.Fatalf("after %d: %v for %q, want ErrStoreDown for %q", stored, err, store.CauseOf(err), store.Full)
		}
		break
	}
	if h := history(t, s, 7); len(h) != stored || stored == 0 {
		t.Errorf("%d books, %d were acknowledged", len(h), stored)
	}
	if err := free(); err != nil {
		t.Fatal(err)
	}
	record(t, s, longLike(stored))
	if h := history(t, s, 7); len(h) != stored+1 {
		t.Errorf("%d books after space was made, want %d", len(h), stored+1)
	}
}

func TestAFullSQLite(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	mustHead(t, s)
	const some, plenty = 64, 1 << 30 // pages
	if err := store.LimitPages(within(t), s, some); err != nil {
		t.Fatal(err)
	}
	checkFull(t, s, func() error { return store.LimitPages(within(t), s, plenty) })
}

// A full disk that rows are written to is not that of the store.
func TestErrorsOfWhoTakesRowsAreNotTheStores(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	record(t, s, longLike(1))
	full := fmt.Errorf("write ratings.csv: %w", syscall.ENOSPC)
	_, err := s.Histories(within(t), store.Position{}, func(domain.Reader) error { return full })
	if !errors.Is(err, full) || errors.Is(err, domain.ErrStoreDown) {
		t.Errorf("histories: %v", err)
	}
	err = s.Interactions(within(t), func(domain.Interaction) error { return full })
	if !errors.Is(err, full) || errors.Is(err, domain.ErrStoreDown) {
		t.Errorf("interactions: %v", err)
	}
}

// What a PostgreSQL answers when it has no space or other resources, or its disk fails, is
// unavailable, with the cause. What the statement is to blame for is not.
func TestCausesOfPostgres(t *testing.T) {
	server := pgtest.Start(t)
	url := server.NewDatabase()
	s := open(t, url)
	mustHead(t, s)
	raw := openRaw(t, "pgx", url)
	for code, want := range map[string]store.Cause{
		"53100": store.Full, "53200": store.Exhausted, "53300": store.Exhausted, "53400": store.Exhausted, "53000": store.Exhausted,
		"58030": store.IO, "25006": store.ReadOnly, "XX001": store.Damaged, "40P01": store.Busy, "57014": store.Timeout, "57P03": store.Unreachable,
		"23505": "", "22003": "",
	} {
		for _, statement := range []string{
			"CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '" + code + "'; END $$",
			"CREATE OR REPLACE TRIGGER fails BEFORE INSERT ON interactions EXECUTE FUNCTION fail()",
		} {
			if _, err := raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Record(within(t), []domain.Interaction{like(code, 7, 1)})
		if err == nil || store.CauseOf(err) != want || errors.Is(err, domain.ErrStoreDown) != (want != "") {
			t.Errorf("%s: %v for %q, want %q", code, err, store.CauseOf(err), want)
		}
		if h := history(t, s, 7); len(h) != 0 {
			t.Errorf("%s: history %v", code, h)
		}
	}
	if _, err := raw.Exec("DROP TRIGGER fails ON interactions"); err != nil {
		t.Fatal(err)
	}
	record(t, s, like("after", 7, 1))
}
