package replication_test

import (
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	_ "github.com/jackc/pgx/v5/stdlib"

	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// While the database's disk is full, writes fail for a cause that log and metric name, and
// reads go on. After that, writes succeed without a restart, which the log says.
func TestAFullDiskIsNamed(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	logged := func(text string) bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(strings.Join(lines, "\n"), text)
	}
	url := pgtest.Start(t).NewDatabase()
	r := startLogging(t, url, funcr.New(func(_, args string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, args)
	}, funcr.Options{}))
	r.record(t, like("before", 777, 2))
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	// What PostgreSQL answers when its disk is full.
	for _, statement := range []string{
		"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$",
		"CREATE TRIGGER full_disk BEFORE INSERT ON interactions EXECUTE FUNCTION full_disk()",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if _, err := r.Record(t.Context(), like("full", 777, 4)); !errors.Is(err, domain.ErrStoreDown) {
			t.Errorf("Record: %v, want domain.ErrStoreDown", err)
		}
	}
	if n := r.value(t, "recommendations_store_errors_total", "full"); n != 3 {
		t.Errorf("%v errors counted, want 3", n)
	}
	if !logged(`"msg"="writes fail"`) || !logged(`"cause"="full"`) {
		t.Errorf("the log does not name the cause: %q", lines)
	}
	if shelf, err := r.books.Recommend(777, "", 5, recommender.Buyable); err != nil || !shelf.Personal {
		t.Errorf("a shelf meanwhile: %+v, %v", shelf, err)
	}
	if _, err := db.Exec("DROP TRIGGER full_disk ON interactions"); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "the log says that writes succeed", func() bool {
		r.record(t, like("full", 777, 4))
		return logged(`"msg"="writes succeed again"`)
	})
}
