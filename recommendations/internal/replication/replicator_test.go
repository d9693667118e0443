package replication_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/replication"
	"bookstall/recommendations/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// demo is a library of fantasy and romance; each reader likes one of the two.
func demo(title string) *domain.Library {
	lib := &domain.Library{}
	for id := int64(1); id <= 20; id++ {
		lib.Books = append(lib.Books, domain.Book{
			ID: id, Title: fmt.Sprintf("%s %d", title, id), Author: "Author",
			Categories: []string{[]string{"fantasy", "romance"}[id%2]}, Popularity: 100 - id,
		})
	}
	for user := int64(1); user <= 30; user++ {
		for id := int64(1); id <= 20; id++ {
			if id%2 == user%2 && (id+user)%3 != 0 {
				lib.Ratings = append(lib.Ratings, domain.Rating{UserID: user, BookID: id, Stars: 5})
			}
		}
	}
	return lib
}

// replica is what one process has on a store.
type replica struct {
	*replication.Replicator
	books   *recommender.Recommender
	store   *store.Store
	metrics *prometheus.Registry
	stop    func()
}

// start runs a replica on the store of a URL; it is loaded when start returns.
func start(t *testing.T, url string) *replica {
	t.Helper()
	return startLogging(t, url, logr.Discard())
}

func startLogging(t *testing.T, url string, log logr.Logger) *replica {
	t.Helper()
	kept, err := store.Open(url, store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{books: recommender.New(), store: kept, metrics: prometheus.NewRegistry()}
	loaded := make(chan struct{})
	r.Replicator = replication.New(replication.Config{
		Store: kept, Recommender: r.books, Train: true, Workers: 1, OnLoaded: func() { close(loaded) },
		Demo: func() (*domain.Library, error) { return demo("Demo"), nil },
		Log:  log, Registry: r.metrics,
	})
	done := make(chan error, 1)
	go func() { done <- r.Run() }()
	r.stop = sync.OnceFunc(func() {
		if err := errors.Join(r.Stop(context.Background()), <-done, kept.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	select {
	case <-loaded:
	case <-time.After(20 * time.Second):
		t.Fatal("the replica does not load")
	}
	return r
}

func newURL(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

func like(id string, user, book int64) []domain.Interaction {
	return []domain.Interaction{{ID: id, UserID: user, BookID: book, Kind: domain.Like}}
}

func (r *replica) record(t *testing.T, list []domain.Interaction) domain.Outcome {
	t.Helper()
	outcomes, err := r.Record(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0]
}

// within waits until a condition holds, up to a limit, and returns how long that took.
func within(t *testing.T, most time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > most {
			t.Fatalf("%s: not within %v", what, most)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

func (r *replica) titles(t *testing.T) string {
	t.Helper()
	shelf, err := r.books.Recommend(1, "", 5, recommender.Buyable)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, item := range shelf.Items {
		list = append(list, item.Book.Title)
	}
	return strings.Join(list, ", ")
}

// value returns the value of a metric of the replica, of its first labels.
func (r *replica) value(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values := []string(nil)
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestALikeCountsEverywhere(t *testing.T) {
	url := newURL(t)
	a, b := start(t, url), start(t, url)
	if before, err := a.books.Recommend(777, "", 5, recommender.Buyable); err != nil || before.Personal {
		t.Fatalf("shelf: %+v, %v; want one that is not personal", before, err)
	}
	o := a.record(t, like("a", 777, 2))
	shelf, err := a.books.Recommend(777, "", 5, recommender.Buyable)
	if err != nil || !shelf.Personal || shelf.ReaderSeq != o.Reader.Seq || shelf.LastBook.ID != 2 || !shelf.Last.Liked {
		t.Errorf("where it was written: %+v, %v", shelf, err)
	}
	took := within(t, time.Second, "the like in the other replica", func() bool {
		shelf, err := b.books.Recommend(777, "", 5, recommender.Buyable)
		return err == nil && shelf.Personal
	})
	t.Logf("in the other replica after %v", took)
}

func TestOneTrainsForAll(t *testing.T) {
	url := newURL(t)
	for range 3 {
		start(t, url)
	}
	last := start(t, url)
	models, err := last.store.Models(t.Context())
	if err != nil || len(models) != 1 || !models[0].Active {
		t.Errorf("models: %+v, %v; want one, active", models, err)
	}
}

func TestCatchUpReadsWhatIsBehind(t *testing.T) {
	url := newURL(t)
	a, b := start(t, url), start(t, url)
	o := a.record(t, like("a", 777, 2))
	b.CatchUp(t.Context(), 777, o.Reader.Seq)
	if shelf, err := b.books.Recommend(777, "", 5, recommender.Buyable); err != nil || !shelf.Personal {
		t.Errorf("right after catching up: %+v, %v", shelf, err)
	}
}

func TestForgottenIsForgottenEverywhere(t *testing.T) {
	url := newURL(t)
	a, b := start(t, url), start(t, url)
	a.record(t, like("a", 777, 2))
	within(t, time.Second, "the like", func() bool { return len(b.books.Reader(777).History) > 0 })
	seq, err := a.Forget(t.Context(), 777, 0)
	if err != nil || len(a.books.Reader(777).History) != 0 {
		t.Fatalf("%v, left %v", err, a.books.Reader(777))
	}
	within(t, time.Second, "forgetting", func() bool {
		r := b.books.Reader(777)
		return len(r.History) == 0 && r.Seq == seq
	})
}

func TestANewCatalogueIsTakenUp(t *testing.T) {
	url := newURL(t)
	a, b := start(t, url), start(t, url)
	other := demo("Other")
	ratings := store.NewRatings()
	for _, r := range other.Ratings {
		ratings.Add(r)
	}
	if _, err := a.store.Import(t.Context(), store.ImportRequest{Catalog: &other.Catalog, Ratings: ratings}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*replica{a, b} {
		within(t, 5*time.Second, "the new books", func() bool { return strings.HasPrefix(r.titles(t), "Other") })
		shelf, err := r.books.Recommend(1, "", 5, recommender.Buyable)
		if err != nil || !shelf.Personal || shelf.Items[0].Because == nil {
			t.Errorf("the model for them: %+v, %v", shelf, err)
		}
	}
	models, err := a.store.Models(t.Context())
	if err != nil || len(models) != 2 {
		t.Errorf("%d models, %v; want the demonstration's and one for the new books, of which only one replica trained", len(models), err)
	}
}

// Replicas of a catalogue without popularity agree on it, and on the version, which changes
// when the next model has counted anew.
func TestPopularityFollowsTheModel(t *testing.T) {
	url := newURL(t)
	a, b := start(t, url), start(t, url)
	other := demo("Other")
	for i := range other.Books {
		other.Books[i].Popularity = 0
	}
	ratings := store.NewRatings()
	liked := map[int64]int64{}
	for _, r := range other.Ratings {
		ratings.Add(r)
		liked[r.BookID]++
	}
	if _, err := a.store.Import(t.Context(), store.ImportRequest{Catalog: &other.Catalog, Ratings: ratings}); err != nil {
		t.Fatal(err)
	}
	agree := func(what string) (version string) {
		t.Helper()
		holds := func(r *replica) bool {
			c, err := r.books.Catalog()
			version = c.Version
			return err == nil && !slices.ContainsFunc(c.Books, func(b domain.Book) bool { return b.Popularity != liked[b.ID] })
		}
		within(t, 5*time.Second, what, func() bool { return holds(a) })
		first := version
		within(t, 5*time.Second, what+" in the other replica", func() bool { return holds(b) })
		if version != first {
			t.Errorf("%s: the versions are %s and %s", what, first, version)
		}
		return version
	}
	before := agree("the first counts")
	a.record(t, like("a", 777, 2))
	liked[2]++
	lib, err := a.store.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	model, err := models.Train(t.Context(), models.Input{Catalog: lib, Readers: slices.Values(a.books.All()), Params: engine.DefaultParams(), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := models.Publish(t.Context(), a.store, model, true); err != nil {
		t.Fatal(err)
	}
	if after := agree("the counts of the next model"); after == before {
		t.Errorf("the version is still %s", after)
	}
}

func TestABadModelIsRefused(t *testing.T) {
	url := newURL(t)
	a := start(t, url)
	before := a.titles(t)
	head, err := a.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good, err := a.store.Model(t.Context(), head.Model)
	if err != nil {
		t.Fatal(err)
	}
	bad := good
	bad.Version, bad.Artefact = "bad", slices.Clone(good.Artefact)
	bad.Artefact[len(bad.Artefact)/2] ^= 1
	if err := errors.Join(a.store.SaveModel(t.Context(), bad), a.store.Activate(t.Context(), "bad")); err != nil {
		t.Fatal(err)
	}
	within(t, time.Second, "the refusal", func() bool { return a.value(t, "recommendations_models_refused_total") == 1 })
	if after := a.titles(t); after != before {
		t.Errorf("the shelf was %s and is %s", before, after)
	}
	// A replica that starts now has no model in use: it trains one.
	b := start(t, url)
	if got := b.titles(t); got != before {
		t.Errorf("a new replica serves %s, want %s", got, before)
	}
	// It is the model of before, and the refused one is none to go back to.
	if _, _, err := a.store.Rollback(t.Context(), func(string, []byte) error { return nil }); !errors.Is(err, store.ErrNoEarlierModel) {
		t.Errorf("rolled back: %v, want %v", err, store.ErrNoEarlierModel)
	}
}

// A damaged model is replaced, once: the next replica uses what the first one trained.
func TestADamagedModelIsReplaced(t *testing.T) {
	url := newURL(t)
	a := start(t, url)
	before := a.titles(t)
	head, err := a.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good, err := a.store.Model(t.Context(), head.Model)
	if err != nil {
		t.Fatal(err)
	}
	a.stop()
	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "UPDATE models SET artefact = $1", []byte("damaged"))
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for replica, refused := range []float64{1, 0} {
		r := start(t, url)
		if got := r.value(t, "recommendations_models_refused_total"); got != refused {
			t.Errorf("replica %d refused %v models, want %v", replica+1, got, refused)
		}
		if got := r.titles(t); got != before {
			t.Errorf("replica %d serves %s, want %s", replica+1, got, before)
		}
		if stored, err := r.store.Model(t.Context(), good.Version); err != nil || !bytes.Equal(stored.Artefact, good.Artefact) {
			t.Errorf("after replica %d the store has a model of %d bytes (%v), want %d", replica+1, len(stored.Artefact), err, len(good.Artefact))
		}
		r.stop()
	}
}

func TestADatabaseThatGoesAndComesBack(t *testing.T) {
	server := pgtest.Start(t)
	url := server.NewDatabase()
	a, b := start(t, url), start(t, url)
	a.record(t, like("a", 777, 2))
	within(t, time.Second, "the like", func() bool { return len(b.books.Reader(777).History) > 0 })

	server.Stop()
	for i := range 3 {
		if _, err := a.Record(t.Context(), like(fmt.Sprint("lost", i), 777, 4)); !errors.Is(err, domain.ErrStoreDown) {
			t.Errorf("Record without the database: %v, want domain.ErrStoreDown", err)
		}
	}
	within(t, 15*time.Second, "notice", func() bool { return a.value(t, "recommendations_store_stale_seconds") > 0 })
	if shelf, err := a.books.Recommend(777, "", 5, recommender.Buyable); err != nil || !shelf.Personal {
		t.Errorf("a shelf without the database: %+v, %v", shelf, err)
	}
	began := time.Now()
	a.CatchUp(t.Context(), 777, 1<<40)
	if took := time.Since(began); took > time.Second {
		t.Errorf("catching up without the database took %v", took)
	}

	server.Run()
	within(t, 15*time.Second, "being back", func() bool { return a.value(t, "recommendations_store_stale_seconds") == 0 })
	a.record(t, like("b", 777, 6))
	within(t, 15*time.Second, "the like in the other replica", func() bool {
		h, _, err := b.books.History(777)
		return err == nil && slices.ContainsFunc(h, func(e domain.Entry) bool { return e.BookID == 6 })
	})
}

// swapped is a store that can be replaced by another.
type swapped struct {
	mu sync.Mutex
	replication.Store
}

func (s *swapped) to(other replication.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Store = other
}

func (s *swapped) now() replication.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store
}

func (s *swapped) Head(ctx context.Context) (store.Head, error) { return s.now().Head(ctx) }

// History answers however late: catching up waits for a moment only, in which a busy machine
// may not get an answer.
func (s *swapped) History(ctx context.Context, userID int64) (domain.Reader, error) {
	return s.now().History(context.WithoutCancel(ctx), userID)
}

func (s *swapped) Catalog(ctx context.Context) (domain.Catalog, error) { return s.now().Catalog(ctx) }

func (s *swapped) Histories(ctx context.Context, after store.Position, yield func(domain.Reader) error) (store.Position, error) {
	return s.now().Histories(ctx, after, yield)
}

func (s *swapped) Changes(ctx context.Context) <-chan struct{} { return s.now().Changes(ctx) }

func (s *swapped) Model(ctx context.Context, version string) (domain.StoredModel, error) {
	return s.now().Model(ctx, version)
}

func TestAStoreThatIsReplacedIsLoadedAnew(t *testing.T) {
	// A file cannot be replaced under an open SQLite. What a replica would see is a
	// head with another id.
	url := newURL(t)
	a := start(t, url)
	a.record(t, like("a", 777, 2))
	swap := &swapped{Store: a.store}
	books := recommender.New()
	loaded := make(chan struct{})
	registry := prometheus.NewRegistry()
	l := replication.New(replication.Config{Store: swap, Recommender: books, Train: true, Workers: 1, OnLoaded: func() { close(loaded) }, Log: logr.Discard(), Registry: registry})
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	t.Cleanup(func() {
		if err := errors.Join(l.Stop(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	<-loaded
	other := start(t, newURL(t))
	other.record(t, like("b", 888, 2))
	swap.to(other.store)
	within(t, 2*time.Second, "the other store's reader", func() bool {
		return len(books.Reader(888).History) > 0 && len(books.Reader(777).History) == 0
	})
	if n, err := testutil.GatherAndCount(registry); err != nil || n == 0 {
		t.Errorf("%d metrics, %v", n, err)
	}
}
