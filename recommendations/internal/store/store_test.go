package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// database is a database that a test of the contract runs on, with that test.
type database struct {
	t      *testing.T
	name   string
	newURL func() string           // URL of an empty database
	copied func(url string) string // URL of a copy of a database, as from a backup
	raw    func(url string) *sql.DB
}

// poolSize is the number of connections that a pooler of the tests has: fewer than programs.
const poolSize = 3

// databases runs a test on SQLite, on PostgreSQL and on PostgreSQL behind a pooler.
func databases(t *testing.T, test func(database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		n := 0
		newURL := func() string {
			n++
			return fmt.Sprintf("sqlite:%s", filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", n)))
		}
		raw := func(url string) *sql.DB { return openRaw(t, "sqlite", strings.TrimPrefix(url, "sqlite:")) }
		test(database{
			t: t, name: "sqlite", newURL: newURL, raw: raw,
			copied: func(url string) string {
				to := newURL()
				if _, err := raw(url).Exec("VACUUM INTO ?", strings.TrimPrefix(to, "sqlite:")); err != nil {
					t.Fatal(err)
				}
				return to
			},
		})
	})
	t.Run("postgres", func(t *testing.T) {
		server := pgtest.Start(t)
		test(database{
			t: t, name: "postgres", newURL: server.NewDatabase, copied: server.CopyOf,
			raw: func(url string) *sql.DB { return openRaw(t, "pgx", url) },
		})
	})
	t.Run("pgbouncer", func(t *testing.T) {
		server := pgtest.Start(t)
		pooler := server.Pooler(poolSize)
		test(database{
			t: t, name: "pgbouncer", newURL: func() string { return pooler.URL(server.NewDatabase()) },
			copied: func(url string) string { return pooler.URL(server.CopyOf(pooler.Direct(url))) },
			raw:    func(url string) *sql.DB { return openRaw(t, "pgx", pooler.Direct(url)) },
		})
	})
}

// TestContract runs the same tests on both databases.
func TestContract(t *testing.T) {
	databases(t, func(db database) {
		t := db.t
		for name, test := range map[string]func(database){
			"WhatIsImportedIsThere":     testWhatIsImportedIsThere,
			"Interactions":              testInteractions,
			"FollowersMissNothing":      testFollowersMissNothing,
			"Forget":                    testForget,
			"GenerationsEnd":            testGenerationsEnd,
			"EarlierVersionsForget":     testEarlierVersionsForget,
			"EarlierVersionsReadKinds":  testEarlierVersionsReadKinds,
			"ReadersWinOverImports":     testReadersWinOverImports,
			"TheDemonstrationMakesRoom": testTheDemonstrationMakesRoom,
			"AnExportComesBack":         testAnExportComesBack,
			"AnImportKnowsItsCatalogue": testAnImportKnowsItsCatalogue,
			"Models":                    testModels,
			"RollbacksGoOnBack":         testRollbacksGoOnBack,
			"Locks":                     testLocks,
			"ANewerSchemaIsUsedAsItIs":  testANewerSchemaIsUsedAsItIs,
			"ManyOpenAtOnce":            testManyOpenAtOnce,
			"WritesThatCannotBe":        testWritesThatCannotBe,
			"WhoGivesUpIsFree":          testWhoGivesUpIsFree,
			"ReplayedInOrder":           testReplayedInOrder,
			"ReplayForgets":             testReplayForgets,
			"ARestoreForgets":           testARestoreForgets,
			"CallersShareCommits":       testCallersShareCommits,
			"ChangesAreTold":            testChangesAreTold,
			"ImportsAndReadersMeet":     testImportsAndReadersMeet,
			"AllOrNothing":              testAllOrNothing,
			"ACopyGoesItsOwnWay":        testACopyGoesItsOwnWay,
			"AnEarlierSchemaComesBack":  testAnEarlierSchemaComesBack,
			"EarlierVersionsImport":     testEarlierVersionsImport,
			"IDsThatAreTexts":           testIDsThatAreTexts,
			"ReadersAreNumberedOnce":    testReadersAreNumberedOnce,
			"TheLastMigrationGoesBack":  testTheLastMigrationGoesBack,
		} {
			t.Run(name, func(t *testing.T) {
				on := db
				on.t = t
				test(on)
			})
		}
	})
}

func openRaw(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(url, store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func catalog(ids ...int64) *domain.Catalog {
	c := &domain.Catalog{Samples: []domain.SampleReader{{ID: 1, Label: "One"}}}
	for _, id := range ids {
		c.Books = append(c.Books, domain.Book{
			ID: id, Title: fmt.Sprintf("Book %d", id), Author: "Ünïcode", Year: -725, Categories: []string{"fantasy", "classics"},
			Popularity: 1 << 40, Series: "S #1", ISBN: "9780000000000", Description: "a\nb", Price: "9.90", Currency: "EUR", Language: "en",
			Availability: domain.Unavailable, Stock: new(3 * id), Hidden: id%2 == 0, BuyURL: "https://shop.example/7", Publisher: "P", Format: "Paperback",
			Pages: 310, SeriesNumber: "1", Contributors: []domain.Contributor{{Name: "Ida (I.) Field"}, {Name: "Alan Lee", Role: "illustrator"}},
			Added: time.Unix(1763719200, 0).UTC(), Gone: id%3 == 0,
		})
	}
	return c
}

func ratings(list ...domain.Rating) *store.Ratings {
	r := store.NewRatings()
	for _, one := range list {
		r.Add(one)
	}
	return r
}

func like(id string, user, book int64) domain.Interaction {
	return domain.Interaction{ID: id, UserID: user, BookID: book, Kind: domain.Like}
}

func record(t *testing.T, s *store.Store, list ...domain.Interaction) []domain.Outcome {
	t.Helper()
	outcomes, err := s.Record(within(t), list)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func history(t *testing.T, s *store.Store, user int64) domain.History {
	t.Helper()
	r, err := s.History(within(t), user)
	if err != nil {
		t.Fatal(err)
	}
	h, err := domain.DecodeHistory(r.History)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustImport(t *testing.T, s *store.Store, req store.ImportRequest) store.ImportResult {
	t.Helper()
	result, err := s.Import(within(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func mustHead(t *testing.T, s *store.Store) store.Head {
	t.Helper()
	h, err := s.Head(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func testWhatIsImportedIsThere(db database) {
	t := db.t
	s := open(t, db.newURL())
	if h := mustHead(t, s); h.CatalogVersion != "" || h.Seq != 0 || h.StoreID == "" || h.Model != "" {
		t.Errorf("an empty store has the head %+v", h)
	}
	books := catalog(3, 1, 2)
	req := store.ImportRequest{Catalog: books, Ratings: ratings(
		domain.Rating{UserID: 5, BookID: 1, Stars: 3}, domain.Rating{UserID: 6, BookID: 2, Stars: 5},
		domain.Rating{UserID: 5, BookID: 2, Stars: 4}, domain.Rating{UserID: 5, BookID: 1, Stars: 2},
	)}
	result := mustImport(t, s, req)
	want := store.ImportResult{CatalogChanged: true, ReadersChanged: 2, Repeated: 1}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Error(diff)
	}
	got, err := s.Catalog(within(t))
	if err != nil || got.Version != mustHead(t, s).CatalogVersion || got.Version == "" {
		t.Fatalf("%v, version %q", err, got.Version)
	}
	if diff := cmp.Diff(catalog(1, 2, 3), &got, cmpopts.IgnoreFields(domain.Catalog{}, "Version")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(domain.History{{BookID: 1, Stars: 2}, {BookID: 2, Stars: 4}}, history(t, s, 5)); diff != "" {
		t.Error(diff)
	}

	before := mustHead(t, s)
	if again := mustImport(t, s, req); again != (store.ImportResult{Repeated: 1}) || mustHead(t, s) != before {
		t.Errorf("the same import again: %+v", again)
	}
	if other := mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2)}); !other.CatalogChanged || mustHead(t, s).CatalogVersion == before.CatalogVersion {
		t.Errorf("another catalogue: %+v", other)
	}
}

func testInteractions(db database) {
	t := db.t
	s := open(t, db.newURL())
	first := record(t, s, like("a", 7, 1), like("b", 7, 2), like("c", 8, 1))
	for i, o := range first {
		if o.Status != domain.Stored || o.Reader.Seq != 1 || len(o.Reader.History) == 0 {
			t.Errorf("%d: %+v", i, o)
		}
	}
	second := record(t, s,
		like("a", 7, 1), // again
		like("a", 7, 9), // same id, other book
		like("d", 7, 3), // new
		like("d", 7, 3), // twice in one call
		like("d", 8, 3), // and with another reader
		domain.Interaction{ID: "v", UserID: 9, BookID: 1, Kind: domain.View},
	)
	want := []domain.Status{domain.Repeated, domain.Conflict, domain.Stored, domain.Repeated, domain.Conflict, domain.Stored}
	for i, o := range second {
		if o.Status != want[i] {
			t.Errorf("%d: %v, want %v", i, o.Status, want[i])
		}
	}
	if second[0].Reader.Seq != 2 || second[2].Reader.Seq != 2 || second[5].Reader.Seq != 0 {
		t.Errorf("seqs %+v", second)
	}
	wantHistory := domain.History{{BookID: 1, Liked: true, Own: true}, {BookID: 2, Liked: true, Own: true}, {BookID: 3, Liked: true, Own: true}}
	if diff := cmp.Diff(wantHistory, history(t, s, 7)); diff != "" {
		t.Error(diff)
	}
	if h := history(t, s, 9); len(h) != 0 {
		t.Errorf("a view made the history %v", h)
	}

	before := mustHead(t, s).Seq
	record(t, s, like("a", 7, 1))
	if after := mustHead(t, s).Seq; after != before {
		t.Errorf("a repetition made seq %d of %d", after, before)
	}

	var ids []string
	var times []time.Time
	err := s.Interactions(within(t), func(i domain.Interaction) error {
		ids, times = append(ids, i.ID), append(times, i.At)
		return nil
	})
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "v"}, ids); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for i := range times {
		if time.Since(times[i]).Abs() > time.Minute || i > 0 && !times[i].After(times[i-1]) {
			t.Errorf("times %v", times)
		}
	}
}

func testFollowersMissNothing(db database) {
	t := db.t
	url := db.newURL()
	writers := []*store.Store{open(t, url), open(t, url), open(t, url)}
	reader := open(t, url)
	const each = 40
	var wg sync.WaitGroup
	for w, s := range writers {
		for k := range 2 { // two goroutines share a process
			wg.Go(func() {
				for i := range each {
					id := fmt.Sprintf("%d-%d-%d", w, k, i)
					if _, err := s.Record(within(t), []domain.Interaction{like(id, int64(1+i%5), int64(1+w*1000+k*100+i))}); err != nil {
						t.Errorf("%s: %v", id, err)
						return
					}
				}
			})
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	rows := map[int64]domain.Reader{}
	var at store.Position
	follow := func() {
		next, err := reader.Histories(within(t), at, func(r domain.Reader) error {
			if r.Seq <= at.Seq {
				t.Errorf("reader %d of seq %d came after %d", r.ID, r.Seq, at.Seq)
			}
			rows[r.ID] = r
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		at = next
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		follow()
	}
	total := 0
	for id, r := range rows {
		h, err := domain.DecodeHistory(r.History)
		if err != nil {
			t.Fatal(err)
		}
		total += len(h)
		if now, err := reader.History(within(t), id); err != nil || !bytes.Equal(now.History, r.History) {
			t.Errorf("reader %d: the follower has other data than the store (%v)", id, err)
		}
	}
	if total != 3*2*each {
		t.Errorf("%d entries, want %d", total, 3*2*each)
	}
}

func testForget(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	req := store.ImportRequest{Catalog: catalog(1, 2), Ratings: ratings(domain.Rating{UserID: 7, BookID: 1, Stars: 5})}
	mustImport(t, s, req)
	record(t, s, like("a", 7, 2), like("b", 8, 2))
	gone, err := s.Forget(within(t), 7, 0)
	if err != nil || gone.Seq != mustHead(t, s).Seq || len(gone.History) != 0 {
		t.Fatalf("Forget: %+v, %v; want an empty history at the last Seq", gone, err)
	}
	if h := history(t, s, 7); len(h) != 0 {
		t.Errorf("history after Forget: %v, want none", h)
	}
	for _, table := range []string{"histories WHERE length(data) > 0 AND", "interactions WHERE"} {
		var n int
		if err := db.raw(url).QueryRow("SELECT count(*) FROM " + table + " user_id = 7").Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d rows, %v", table, n, err)
		}
	}
	if result := mustImport(t, s, req); result.Forgotten != 1 || result.ReadersChanged != 0 {
		t.Errorf("the import brought the reader back: %+v", result)
	}
	record(t, s, like("c", 7, 1))
	if diff := cmp.Diff(domain.History{{BookID: 1, Liked: true, Own: true}}, history(t, s, 7)); diff != "" {
		t.Errorf("starting anew: %s", diff)
	}
	if result := mustImport(t, s, req); result.Forgotten != 1 {
		t.Errorf("after starting anew the import brought the old back: %+v", result)
	}
}

// of returns an interaction of a reader's generation.
func of(generation int64, i domain.Interaction) domain.Interaction {
	i.Generation = generation
	return i
}

// What names a generation from before the reader was forgotten changes nothing any more,
// at any replica, after a restart and after another catalogue.
func testGenerationsEnd(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	if _, err := s.Seed(within(t), demo); err != nil {
		t.Fatal(err)
	}
	forget := func(generation, want int64) {
		t.Helper()
		if gone, err := s.Forget(within(t), 7, generation); err != nil || gone.Generation != want || !gone.Forgotten {
			t.Fatalf("forgetting generation %d: %+v, %v; want generation %d", generation, gone, err, want)
		}
	}
	writes := func(s *store.Store, id string, generation int64, want domain.Status) {
		t.Helper()
		got := record(t, s, of(generation, like(id, 7, 1)))[0]
		if got.Status != want {
			t.Errorf("%s of generation %d: %v, want %v", id, generation, got.Status, want)
		}
		if stored, err := s.History(within(t), 7); err != nil || !cmp.Equal(stored, got.Reader) {
			t.Errorf("%s: the outcome has %+v, the store %+v, %v", id, got.Reader, stored, err)
		}
	}
	writes(s, "a", 1, domain.Stored)
	writes(s, "a", 1, domain.Repeated)
	forget(1, 2)
	other := open(t, url)
	writes(other, "a", 1, domain.Forgotten)
	writes(other, "b", 2, domain.Stored)
	forget(1, 2) // once more, as after an answer that was lost
	if h := history(t, s, 7); len(h) != 1 {
		t.Errorf("forgetting a generation that had ended left %v", h)
	}
	writes(s, "c", 0, domain.Stored) // by a caller that knows no generations
	forget(0, 3)
	writes(s, "d", 2, domain.Forgotten)
	forget(9, 10) // of a time that this store does not know, such as before a restore

	mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2, 3), DropDemo: true})
	if stored, err := s.History(within(t), 7); err != nil || stored.Generation != 10 || stored.Forgotten {
		t.Errorf("after the demonstration was dropped: %+v, %v", stored, err)
	}
	writes(open(t, url), "e", 9, domain.Forgotten)
}

// A program of an earlier version does not raise the generation when it forgets.
func testEarlierVersionsForget(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	if _, err := s.Seed(within(t), demo); err != nil {
		t.Fatal(err)
	}
	raw := db.raw(url)
	for _, id := range []int{7, 8} { // with a row and without one
		record(t, s, of(1, like("a", 7, 1)))
		if _, err := raw.Exec("INSERT INTO histories (user_id, seq, forgotten, data) VALUES ($1, 3, true, '') "+
			"ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, forgotten = excluded.forgotten, data = excluded.data", id); err != nil {
			t.Fatal(err)
		}
		if got := record(t, s, of(1, like(fmt.Sprint("b", id), int64(id), 1)))[0]; got.Status != domain.Forgotten || got.Reader.Generation != 2 {
			t.Errorf("reader %d: %+v, want it forgotten", id, got)
		}
		if gone, err := s.Forget(within(t), int64(id), 0); err != nil || gone.Generation != 3 {
			t.Errorf("forgotten once more: %+v, %v", gone, err)
		}
	}
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2, 3), DropDemo: true})
	if stored, err := s.History(within(t), 8); err != nil || stored.Generation != 3 {
		t.Errorf("after the demonstration was dropped: %+v, %v", stored, err)
	}
}

// A program of version 0.1.0 can read the interactions of every kind, and write its own.
func testEarlierVersionsReadKinds(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	for kind := domain.View; kind <= domain.Unpurchase; kind++ {
		i := domain.Interaction{ID: kind.String(), UserID: 7, BookID: int64(kind), Kind: kind}
		if kind == domain.Rate {
			i.Stars = 5
		}
		record(t, s, i)
		if again := record(t, s, i)[0].Status; again != domain.Repeated {
			t.Errorf("%v once more: %v", kind, again)
		}
	}
	raw := db.raw(url)
	if _, err := raw.Exec("INSERT INTO interactions (id, user_id, book_id, kind, stars, seq, at) VALUES ('earlier', 7, 1, 'like', 0, 99, '2026-11-21T10:00:00.000000Z')"); err != nil {
		t.Fatal(err)
	}
	rows, err := raw.Query("SELECT id, kind FROM interactions ORDER BY seq, at")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var theirs []string
	for rows.Next() {
		var id, kind string
		if err := rows.Scan(&id, &kind); err != nil {
			t.Fatal(err)
		}
		theirs = append(theirs, id+" "+kind)
	}
	if diff := cmp.Diff([]string{
		"view view", "like like", "unlike unlike", "rating rating", "unrate unrate", "purchase purchase",
		"want view", "unwant view", "dismiss view", "undismiss view", "unpurchase view", "earlier like",
	}, theirs); rows.Err() != nil || diff != "" {
		t.Error(diff, rows.Err())
	}
	var ours []domain.Kind
	err = s.Interactions(within(t), func(i domain.Interaction) error {
		ours = append(ours, i.Kind)
		return nil
	})
	want := []domain.Kind{
		domain.View, domain.Like, domain.Unlike, domain.Rate, domain.Unrate, domain.Purchase,
		domain.Want, domain.Unwant, domain.Dismiss, domain.Undismiss, domain.Unpurchase, domain.Like,
	}
	if diff := cmp.Diff(want, ours); err != nil || diff != "" {
		t.Error(diff, err)
	}
	if h := history(t, s, 7); !slices.Contains(h, domain.Entry{BookID: int64(domain.Want), Wanted: true, Own: true}) ||
		!slices.Contains(h, domain.Entry{BookID: int64(domain.Dismiss), Dismissed: true, Own: true}) {
		t.Errorf("history %+v", h)
	}
}

func testReadersWinOverImports(db database) {
	t := db.t
	s := open(t, db.newURL())
	old := store.ImportRequest{Catalog: catalog(1, 2, 3), Ratings: ratings(
		domain.Rating{UserID: 7, BookID: 1, Stars: 5}, domain.Rating{UserID: 7, BookID: 2, Stars: 5},
	)}
	mustImport(t, s, old)
	record(t, s, domain.Interaction{ID: "u", UserID: 7, BookID: 1, Kind: domain.Unrate})
	if result := mustImport(t, s, old); result.ReadersChanged != 0 {
		t.Errorf("result: %+v, want no changed readers", result)
	}
	mustImport(t, s, store.ImportRequest{Ratings: ratings(
		domain.Rating{UserID: 7, BookID: 1, Stars: 4}, domain.Rating{UserID: 7, BookID: 2, Stars: 3}, domain.Rating{UserID: 7, BookID: 3, Stars: 1},
	)})
	want := domain.History{{BookID: 2, Stars: 3}, {BookID: 1, Own: true}, {BookID: 3, Stars: 1}}
	if diff := cmp.Diff(want, history(t, s, 7)); diff != "" {
		t.Error(diff)
	}
}

func demo() (*domain.Library, error) {
	return &domain.Library{Catalog: *catalog(1, 2), Ratings: []domain.Rating{{UserID: 1, BookID: 1, Stars: 5}}}, nil
}

func testTheDemonstrationMakesRoom(db database) {
	t := db.t
	s := open(t, db.newURL())
	if did, err := s.Seed(within(t), demo); !did || err != nil {
		t.Fatalf("seed: %v, %v", did, err)
	}
	notAgain := func() (*domain.Library, error) { return nil, errors.New("loaded again") }
	if did, err := s.Seed(within(t), notAgain); did || err != nil {
		t.Fatalf("second seed: %v, %v", did, err)
	}
	if h := mustHead(t, s); !h.Demo || h.Seq != 1 {
		t.Errorf("head: %+v, want the demonstration at Seq 1", h)
	}
	if _, err := s.Import(within(t), store.ImportRequest{Ratings: ratings(domain.Rating{UserID: 1, BookID: 2, Stars: 5})}); !errors.Is(err, store.ErrDemoRatings) {
		t.Errorf("ratings for the demonstration: %v", err)
	}
	record(t, s, like("a", 9, 1))
	books := store.ImportRequest{Catalog: catalog(1, 2, 3), Ratings: ratings(domain.Rating{UserID: 1, BookID: 3, Stars: 5})}
	before := mustHead(t, s)
	if _, err := s.Import(within(t), books); !errors.Is(err, store.ErrDemoInUse) || mustHead(t, s) != before {
		t.Errorf("import over readers' likes: %v, want store.ErrDemoInUse and an unchanged head", err)
	}
	books.DropDemo = true
	if result := mustImport(t, s, books); !result.DroppedDemo || result.ReadersChanged != 1 {
		t.Errorf("result: %+v, want the demonstration dropped and 1 changed reader", result)
	}
	if h := mustHead(t, s); h.Demo {
		t.Errorf("still the demonstration: %+v", h)
	}
	if diff := cmp.Diff(domain.History{{BookID: 3, Stars: 5}}, history(t, s, 1)); diff != "" {
		t.Error(diff)
	}
	if h := history(t, s, 9); len(h) != 0 {
		t.Errorf("likes of the demonstration's books stayed: %v", h)
	}
}

func testAnExportComesBack(db database) {
	t := db.t
	s, other := open(t, db.newURL()), open(t, db.newURL())
	req := store.ImportRequest{Catalog: catalog(1, 2), Ratings: ratings(domain.Rating{UserID: 7, BookID: 1, Stars: 5})}
	mustImport(t, s, req)
	record(t, s, like("a", 7, 2), domain.Interaction{ID: "b", UserID: 7, BookID: 1, Kind: domain.Unrate})
	var done []domain.Interaction
	if err := s.Interactions(within(t), func(i domain.Interaction) error { done = append(done, i); return nil }); err != nil {
		t.Fatal(err)
	}
	req.Interactions = done
	if result := mustImport(t, other, req); result.Interactions != 2 {
		t.Errorf("result: %+v, want 2 interactions", result)
	}
	if diff := cmp.Diff(history(t, s, 7), history(t, other, 7)); diff != "" {
		t.Error(diff)
	}
	var back []domain.Interaction
	if err := other.Interactions(within(t), func(i domain.Interaction) error { back = append(back, i); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(done, back); diff != "" {
		t.Error(diff)
	}
	if again := mustImport(t, other, req); again != (store.ImportResult{}) {
		t.Errorf("again: %+v", again)
	}
}

// An import that was compared with another catalogue than the present one is refused, and a
// dry run changes nothing.
func testAnImportKnowsItsCatalogue(db database) {
	t := db.t
	s := open(t, db.newURL())
	none := ""
	req := store.ImportRequest{Catalog: catalog(1, 2), Compared: &none, Ratings: ratings(domain.Rating{UserID: 7, BookID: 1, Stars: 5})}
	trial := req
	trial.DryRun = true
	if would := mustImport(t, s, trial); would != (store.ImportResult{CatalogChanged: true, ReadersChanged: 1}) || mustHead(t, s).CatalogVersion != "" {
		t.Errorf("a dry run: %+v, then %+v", would, mustHead(t, s))
	}
	mustImport(t, s, req)
	before := mustHead(t, s)
	req.Catalog = catalog(3)
	if _, err := s.Import(within(t), req); !errors.Is(err, store.ErrCatalogChanged) || mustHead(t, s) != before {
		t.Errorf("got %v, want %v", err, store.ErrCatalogChanged)
	}
	req.Compared = &before.CatalogVersion
	if result := mustImport(t, s, req); !result.CatalogChanged {
		t.Errorf("%+v, want a new catalogue", result)
	}
}

func anyModel(string, []byte) error { return nil }

// Each rollback goes back by one, whatever is deleted and activated in between.
func testRollbacksGoOnBack(db database) {
	t := db.t
	s := open(t, db.newURL())
	ctx := within(t)
	for i, version := range []string{"a", "b", "c", "d"} {
		m := domain.StoredModel{Version: version, CreatedAt: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC), Metadata: []byte(`{}`), Artefact: []byte{byte(i)}}
		if err := errors.Join(s.SaveModel(ctx, m), s.Activate(ctx, version)); err != nil {
			t.Fatal(err)
		}
	}
	back := func(from, to string) {
		t.Helper()
		if f, b, err := s.Rollback(ctx, anyModel); f != from || b != to || err != nil {
			t.Errorf("rolled back from %s to %s (%v), want from %s to %s", f, b, err, from, to)
		}
	}
	back("d", "c")
	back("c", "b")
	for _, version := range []string{"c", "d"} { // a trial is no model of its own, and goes with its model
		trial := domain.StoredModel{Version: version + domain.TrialSuffix, CreatedAt: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Metadata: []byte(`{}`), Artefact: []byte(version)}
		if err := s.SaveModel(ctx, trial); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := s.Models(ctx); len(list) != 4 || err != nil {
		t.Errorf("%+v, %v, want 4 models", list, err)
	}
	if gone, err := s.PruneModels(ctx, 0); gone != 1 || err != nil { // d: b is active, c was, and a is next
		t.Errorf("%d models gone, %v, want 1", gone, err)
	}
	if _, err := s.Model(ctx, "c"+domain.TrialSuffix); err != nil {
		t.Error(err)
	}
	if _, err := s.Model(ctx, "d"+domain.TrialSuffix); !errors.Is(err, domain.ErrModelNotFound) {
		t.Errorf("the trial of a model that is gone: %v, want %v", err, domain.ErrModelNotFound)
	}
	if err := s.Activate(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	back("c", "b")
	back("b", "a")
	if _, _, err := s.Rollback(ctx, anyModel); !errors.Is(err, store.ErrNoEarlierModel) {
		t.Errorf("got %v, want %v", err, store.ErrNoEarlierModel)
	}
	if h := mustHead(t, s); h.Model != "a" {
		t.Errorf("head: %+v, want model a", h)
	}
}

func testModels(db database) {
	t := db.t
	s := open(t, db.newURL())
	ctx := within(t)
	now := time.Date(2026, 11, 21, 10, 0, 0, 1000, time.UTC)
	for i, version := range []string{"one", "two", "three"} {
		m := domain.StoredModel{Version: version, CreatedAt: now.Add(time.Duration(i) * time.Hour), Metadata: []byte(`{"n":1}`), Artefact: []byte{0, 1, byte(i)}}
		for range 2 { // the second changes nothing
			if err := s.SaveModel(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Model(ctx, version)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := s.Model(ctx, "four"); !errors.Is(err, domain.ErrModelNotFound) {
		t.Errorf("Model of an unknown version: %v, want domain.ErrModelNotFound", err)
	}
	if err := s.Activate(ctx, "four"); !errors.Is(err, domain.ErrModelNotFound) {
		t.Errorf("Activate of an unknown version: %v, want domain.ErrModelNotFound", err)
	}
	if _, _, err := s.Rollback(ctx, anyModel); !errors.Is(err, store.ErrNoEarlierModel) {
		t.Errorf("Rollback without an earlier model: %v, want store.ErrNoEarlierModel", err)
	}
	for _, version := range []string{"one", "two", "two"} {
		if err := s.Activate(ctx, version); err != nil {
			t.Fatal(err)
		}
	}
	first := mustHead(t, s)
	refused := errors.New("refused")
	_, _, err := s.Rollback(ctx, func(version string, artefact []byte) error {
		if version != "one" || !bytes.Equal(artefact, []byte{0, 1, 0}) {
			t.Errorf("checked %s, %v", version, artefact)
		}
		return refused
	})
	if h := mustHead(t, s); !errors.Is(err, refused) || h != first {
		t.Errorf("a refused rollback: %v, %+v", err, h)
	}
	if from, to, err := s.Rollback(ctx, anyModel); from != "two" || to != "one" || err != nil {
		t.Errorf("rolled back from %s to %s, %v", from, to, err)
	}
	if h := mustHead(t, s); first.Model != "two" || first.Activation != 2 || h.Model != "one" || h.Activation != 3 {
		t.Errorf("heads %+v, then %+v", first, h)
	}
	list, err := s.Models(ctx)
	if err != nil || len(list) != 3 || list[0].Version != "three" || !list[2].Active || list[2].Size != 3 || list[2].ActivatedAt.IsZero() || !list[0].ActivatedAt.IsZero() {
		t.Errorf("models: %+v, %v; want 3, the newest first, the oldest active", list, err)
	}
	if gone, err := s.PruneModels(ctx, 0); gone != 1 || err != nil {
		t.Errorf("%d gone, %v; want the one that was never active", gone, err)
	}
	if h := mustHead(t, s); h.Model != "one" {
		t.Errorf("head: %+v, want model one", h)
	}
}

func testLocks(db database) {
	t := db.t
	url := db.newURL()
	a, b := open(t, url), open(t, url)
	inside, order := make(chan struct{}), make(chan string, 2)
	release := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := a.WithLock(within(t), "train", func(context.Context) error {
			close(inside)
			<-release
			order <- "a"
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	if err := b.WithLock(within(t), "other", func(context.Context) error { return nil }); err != nil {
		t.Errorf("lock of another name: %v, want no error", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.WithLock(short, "train", func(context.Context) error { return nil }); err == nil {
		t.Error("the lock was taken twice")
	}
	wg.Go(func() {
		if err := b.WithLock(within(t), "train", func(context.Context) error { order <- "b"; return nil }); err != nil {
			t.Error(err)
		}
	})
	close(release)
	wg.Wait()
	if first := <-order; first != "a" {
		t.Errorf("%s came first", first)
	}
	failed := errors.New("boom")
	if err := a.WithLock(within(t), "train", func(context.Context) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("WithLock: %v, want the error of its function", err)
	}
}

func testANewerSchemaIsUsedAsItIs(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	record(t, s, like("a", 7, 1))
	raw := db.raw(url)
	for _, statement := range []string{
		"ALTER TABLE histories ADD COLUMN later text",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)",
	} {
		if _, err := raw.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	old := open(t, url)
	record(t, old, like("b", 7, 2))
	record(t, s, like("c", 7, 3)) // its statements were prepared before
	if h := history(t, old, 7); len(h) != 3 {
		t.Errorf("history %v", h)
	}
}

func testManyOpenAtOnce(db database) {
	t := db.t
	url := db.newURL()
	var wg sync.WaitGroup
	for range 6 {
		s := open(t, url)
		wg.Go(func() {
			if _, err := s.Seed(within(t), demo); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if h := mustHead(t, open(t, url)); h.Seq != 1 {
		t.Errorf("seeded more than once: %+v", h)
	}
}

func TestURLs(t *testing.T) {
	for _, good := range []string{"sqlite:x.db", "sqlite:/var/lib/a b/x.db", "postgres://u:p@h:5432/d", "postgresql://h/d?sslmode=require", "postgres://u:p%40@h1:1,h2:2/d"} {
		if err := store.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "x.db", "sqlite:", "sqlite::memory:", "mysql://h/d", "postgres://u:secret@h:port/d"} {
		err := store.CheckURL(bad)
		if err == nil {
			t.Errorf("%s: no error", bad)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in %q", err)
		}
	}
	// The error names what must be percent-encoded.
	for bad, want := range map[string]string{
		"postgres://u:se@cr/et#%@h/d": "percent-encode @ / # %;",
		"postgres://u:p@secret@h/d":   "percent-encode @;",
		"postgres://u:p@secret@h":     "percent-encode @;",
		"postgres://u:12/3@h/d":       "percent-encode /;",
		"postgres://u:12?3@h/d":       "percent-encode ?;",
		"postgres://u:12#3@h/d":       "percent-encode #;",
		"postgres://u:p@h/d\nx":       "percent-encode line break;",
	} {
		if err := store.CheckURL(bad); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "se@cr") {
			t.Errorf("%q: %v, want %s", bad, err, want)
		}
	}
}

func testReplayedInOrder(db database) {
	t := db.t
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	var list []domain.Interaction
	for i, seconds := range []int{5, 6, 6, 1, 2, 9, 9, 3} { // clocks of several replicas
		in := like(fmt.Sprintf("%d", i), 7, 1)
		if i%2 == 1 {
			in.Kind = domain.Unlike
		}
		in.At = at.Add(time.Duration(seconds) * time.Second)
		list = append(list, in)
	}
	s := open(t, db.newURL())
	if result := mustImport(t, s, store.ImportRequest{Catalog: catalog(1), Interactions: list}); result.Interactions != len(list) {
		t.Errorf("result: %+v, want %d interactions", result, len(list))
	}
	var back []domain.Interaction
	if err := s.Interactions(within(t), func(i domain.Interaction) error { back = append(back, i); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, back); diff != "" {
		t.Error(diff)
	}
}

func testReplayForgets(db database) {
	t := db.t
	s := open(t, db.newURL())
	record(t, s, like("a", 7, 1), like("b", 8, 1))
	var list []domain.Interaction
	if err := s.Interactions(within(t), func(i domain.Interaction) error { list = append(list, i); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forget(within(t), 7, 0); err != nil {
		t.Fatal(err)
	}
	before := mustHead(t, s)
	if got := mustImport(t, s, store.ImportRequest{Interactions: list}); got != (store.ImportResult{Forgotten: 1}) {
		t.Errorf("result: %+v, want only 1 forgotten reader", got)
	}
	if h := history(t, s, 7); len(h) != 0 || mustHead(t, s) != before {
		t.Errorf("history after the import: %v, want none and an unchanged head", h)
	}
}

// A restore brings back who was forgotten, and what they did since, into an empty store as
// into one that still has what they did before.
func testARestoreForgets(db database) {
	t := db.t
	since := like("since", 7, 2)
	since.At = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	req := store.ImportRequest{
		Catalog: catalog(1, 2, 3), Ratings: ratings(domain.Rating{UserID: 7, BookID: 3, Stars: 5}),
		Interactions: []domain.Interaction{since}, Forgotten: []domain.ForgottenReader{{ID: 7, Generation: 3}, {ID: 8, Generation: 2}},
	}
	for _, before := range [][]domain.Interaction{nil, {like("a", 7, 1), like("b", 8, 1), like("c", 9, 1)}} {
		s := open(t, db.newURL())
		mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2)})
		if before != nil {
			record(t, s, before...)
		}
		if got := mustImport(t, s, req); got.Ended != 2 || got.Interactions != 1 || got.Forgotten != 0 {
			t.Errorf("result: %+v, want 2 generations ended and 1 interaction", got)
		}
		if diff := cmp.Diff(domain.History{{BookID: 3, Stars: 5}, {BookID: 2, Liked: true, Own: true}}, history(t, s, 7)); diff != "" {
			t.Error(diff)
		}
		if got := record(t, s, of(2, like("old", 7, 1)), of(1, like("old", 8, 1)), of(3, like("new", 7, 1))); got[0].Status != domain.Forgotten ||
			got[1].Status != domain.Forgotten || got[2].Status != domain.Stored {
			t.Errorf("writes of ended generations: %+v", got)
		}
		if h := history(t, s, 8); len(h) != 0 {
			t.Errorf("history of a forgotten reader: %v", h)
		}
		if got := mustImport(t, s, req); got != (store.ImportResult{Forgotten: 1}) {
			t.Errorf("again: %+v", got)
		}
	}
}

func testCallersShareCommits(db database) {
	t := db.t
	s := open(t, db.newURL())
	record(t, s, like("first", 7, 1))
	const callers, each = 32, 10
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				list := []domain.Interaction{like(fmt.Sprintf("%d-%d", c, i), int64(c+1), int64(i+2)), like("first", 7, 1)}
				outcomes, err := s.Record(within(t), list)
				if err != nil {
					t.Error(err)
					return
				}
				if outcomes[0].Status != domain.Stored || outcomes[1].Status != domain.Repeated || outcomes[0].Reader.ID != int64(c+1) {
					t.Errorf("%d-%d: %+v", c, i, outcomes)
				}
			}
		})
	}
	wg.Wait()
	commits := mustHead(t, s).Seq - 1
	t.Logf("%d interactions in %d commits", callers*each, commits)
	if commits > callers*each/2 {
		t.Errorf("%d commits for %d interactions: hardly any was shared", commits, callers*each)
	}
	for c := range callers {
		if h := history(t, s, int64(c+1)); len(h) < each {
			t.Errorf("reader %d has %v", c+1, h)
		}
	}
}

func testChangesAreTold(db database) {
	t := db.t
	if db.name != "postgres" { // the others are polled
		ctx, cancel := context.WithCancel(t.Context())
		_ = open(t, db.newURL()).Changes(ctx)
		cancel()
		return
	}
	url := db.newURL()
	s, other := open(t, url), open(t, url)
	changes := s.Changes(t.Context())
	told := func(what string) {
		t.Helper()
		select {
		case <-changes:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: nothing was told", what)
		}
	}
	told("once it listens")
	record(t, other, like("a", 7, 1))
	told("an interaction")
	mustImport(t, other, store.ImportRequest{Catalog: catalog(1)})
	told("a catalogue")
	if err := other.SaveModel(within(t), domain.StoredModel{Version: "v", Metadata: []byte("{}"), Artefact: []byte{1}}); err != nil {
		t.Fatal(err)
	}
	told("a model")
	record(t, other, like("a", 7, 1)) // changes nothing
	select {
	case <-changes:
		t.Error("told of no change")
	default:
	}
}

func testImportsAndReadersMeet(db database) {
	t := db.t
	url := db.newURL()
	s, other := open(t, url), open(t, url)
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2)})
	const readers = 30
	var wg sync.WaitGroup
	wg.Go(func() {
		for book := int64(1001); book <= 1010; book++ {
			for id := int64(1); id <= readers; id++ {
				if _, err := other.Record(within(t), []domain.Interaction{like(fmt.Sprintf("%d-%d", id, book), id, book)}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for book := int64(1); book <= 10; book++ {
		r := store.NewRatings()
		for id := int64(1); id <= readers; id++ {
			r.Add(domain.Rating{UserID: id, BookID: book, Stars: 5})
		}
		mustImport(t, s, store.ImportRequest{Ratings: r})
	}
	wg.Wait()
	for id := int64(1); id <= readers; id++ {
		if h := history(t, s, id); len(h) != 20 {
			t.Errorf("reader %d has %d books of 20: %v", id, len(h), h)
		}
	}
}

func testAllOrNothing(db database) {
	t := db.t
	s := open(t, db.newURL())
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2)})
	before := mustHead(t, s)
	_, err := s.Import(within(t), store.ImportRequest{
		Catalog: catalog(1, 2, 3, 3), // the same book twice
		Ratings: ratings(domain.Rating{UserID: 1, BookID: 3, Stars: 5}),
	})
	if err == nil || errors.Is(err, domain.ErrStoreDown) {
		t.Errorf("catalogue with a book twice: %v, want an error other than domain.ErrStoreDown", err)
	}
	if c, err := s.Catalog(within(t)); err != nil || len(c.Books) != 2 || mustHead(t, s) != before || len(history(t, s, 1)) != 0 {
		t.Errorf("something stayed: %+v, %v, %v", mustHead(t, s), c.Books, err)
	}
}

// A copy has the same commits up to its making, and none of those that the original has had
// since, although they have the same numbers.
func testACopyGoesItsOwnWay(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	at := func(s *store.Store) store.Position { return mustHead(t, s).Position }
	record(t, s, like("a", 7, 1))
	before := at(s)
	copied := open(t, db.copied(url))
	record(t, s, like("b", 7, 2))
	lost := at(s)
	record(t, copied, like("c", 8, 2))
	record(t, copied, like("d", 8, 3))
	mustImport(t, copied, store.ImportRequest{Catalog: catalog(1, 2, 3)})
	yielded := 0
	count := func(domain.Reader) error { yielded++; return nil }
	if to, err := copied.Histories(within(t), before, count); err != nil || to != at(copied) || to.Seq <= lost.Seq || yielded != 1 {
		t.Errorf("from before the copy: up to %+v, %d readers, %v; want %+v and 1", to, yielded, err, at(copied))
	}
	for name, p := range map[string]store.Position{
		"of the original": lost, "far ahead": {Seq: 1 << 40, Mark: lost.Mark}, "never": {Seq: lost.Seq, Mark: before.Mark},
	} {
		if _, err := copied.Histories(within(t), p, count); !errors.Is(err, store.ErrCut) || yielded != 1 {
			t.Errorf("from a commit %s: %v, %d readers; want ErrCut and none", name, err, yielded-1)
		}
	}
	if _, err := s.Histories(within(t), before, count); err != nil {
		t.Error(err)
	}
	// Programs of earlier versions raise the number alone.
	if _, err := db.raw(url).Exec("UPDATE head SET seq = seq + 1"); err != nil {
		t.Fatal(err)
	}
	if now := at(s); now.Seq != lost.Seq+1 || now.Mark == "" || now.Mark == lost.Mark {
		t.Errorf("after a commit of an earlier version: %+v, before %+v", now, lost)
	}
}

// A program of an earlier version writes what it knows of a book, and has the same version
// of books that have no more.
func testEarlierVersionsImport(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	type former struct {
		ID                                                   int64
		Title, Author                                        string
		Year                                                 int
		Categories                                           []string
		Popularity                                           int64
		Series, ISBN, Description, Price, Currency, Language string
	}
	first := former{1, "T", "A", 1999, []string{"a"}, 2, "S #1", "", "D", "1", "EUR", "en"}
	next := domain.Book{ID: 1, Title: "T", Author: "A", Year: 1999, Categories: []string{"a"}, Popularity: 2, Series: "S #1", Description: "D", Price: "1", Currency: "EUR", Language: "en"}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	version := fmt.Sprintf("%x", sha256.Sum256(append(text, '\n')))[:12]
	mustImport(t, s, store.ImportRequest{Catalog: &domain.Catalog{Books: []domain.Book{next}}})
	if h := mustHead(t, s); h.CatalogVersion != version {
		t.Errorf("version %s, that of earlier programs is %s", h.CatalogVersion, version)
	}
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2)})
	raw := db.raw(url)
	for _, statement := range []string{"DELETE FROM books", "INSERT INTO books (id, title, author, year, categories, popularity, series, isbn, description, price, currency, language) " +
		"VALUES (1, 'T', 'A', 1999, 'a', 2, 'S #1', '', 'D', '1', 'EUR', 'en')"} {
		if _, err := raw.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Catalog(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]domain.Book{next}, got.Books); diff != "" {
		t.Error(diff)
	}
}

// A backup of an earlier version that is restored under a running program is migrated.
func testAnEarlierSchemaComesBack(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	record(t, s, like("a", 7, 1))
	statements := []string{
		"DROP TABLE external_ids", "DROP TRIGGER head_seq", "DROP TABLE commits", "ALTER TABLE histories DROP COLUMN generation",
		"ALTER TABLE interactions DROP COLUMN newer_kind", "DELETE FROM goose_db_version WHERE version_id > 1",
	}
	if db.name != "sqlite" {
		statements[1] = "DROP FUNCTION mark_commit CASCADE"
	}
	for _, column := range []string{"availability", "stock", "hidden", "buy_url", "publisher", "format", "pages", "series_number", "contributors", "added", "gone"} {
		statements = append(statements, "ALTER TABLE books DROP COLUMN "+column)
	}
	raw := db.raw(url)
	for _, statement := range statements {
		if _, err := raw.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Head(within(t)); !errors.Is(err, domain.ErrStoreDown) {
		t.Errorf("Head of an earlier schema: %v, want ErrStoreDown", err)
	}
	record(t, s, like("b", 7, 2))
	if h := history(t, s, 7); len(h) != 2 {
		t.Errorf("history %v", h)
	}
}
