package store_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// measureBig is the flag to measure at the size of goodbooks-10k.
func measureBig() *bool {
	return flag.Bool("big", false, "measure with 6 million ratings")
}

var big = measureBig()

const (
	bigReaders = 53_424
	bigBooks   = 10_000
	bigRatings = 6_000_000
)

// bigImport returns ratings in random order, as a file may have them.
func bigImport() store.ImportRequest {
	rng := rand.New(rand.NewPCG(1, 2))
	req := store.ImportRequest{Catalog: &domain.Catalog{}, Ratings: store.NewRatings()}
	for id := range int64(bigBooks) {
		req.Catalog.Books = append(req.Catalog.Books, domain.Book{ID: id + 1, Title: "Title", Author: "Author", Categories: []string{"fiction"}})
	}
	for range bigRatings {
		req.Ratings.Add(domain.Rating{UserID: 1 + rng.Int64N(bigReaders), BookID: 1 + rng.Int64N(bigBooks), Stars: 1 + rng.IntN(5)})
	}
	return req
}

// TestBig measures an import of millions of ratings while readers write.
func TestBig(t *testing.T) {
	if !*big {
		t.Log("only with -big")
		return
	}
	before := inUse()
	began := time.Now()
	req := bigImport()
	t.Logf("%d ratings collected in %v, in %d MB", req.Ratings.Rows(), time.Since(began), (inUse()-before)>>20)
	databases(t, func(db database) {
		t := db.t
		url := db.newURL()
		s, live := open(t, url), open(t, url)
		record(t, live, like("first", 1, 1))
		stop, stopped := make(chan struct{}), make(chan []time.Duration)
		go func() { stopped <- keepWriting(t, live, stop) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		began := time.Now()
		result, err := s.Import(ctx, req)
		t.Logf("imported in %v: %+v, %v", time.Since(began), result, err)
		began = time.Now()
		result, err = s.Import(ctx, req)
		t.Logf("again in %v: %+v, %v", time.Since(began), result, err)
		close(stop)
		took := <-stopped
		slices.Sort(took)
		t.Logf("%d commits meanwhile: median %v, 99 %% within %v, worst %v", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
		if worst := took[len(took)-1]; worst > time.Second {
			t.Errorf("a writer was kept waiting for %v", worst)
		}

		replayBig(t, s)
		began = time.Now()
		n, size := 0, 0
		_, err = s.Histories(ctx, store.Position{}, func(r domain.Reader) error { n++; size += len(r.History); return nil })
		took1 := time.Since(began)
		t.Logf("%d readers, %d MB loaded in %v, %v", n, size>>20, took1, err)
		if took1 > time.Second {
			t.Errorf("loading took %v", took1)
		}
		began = time.Now()
		for range 100 {
			mustHead(t, s)
		}
		t.Logf("head in %v", time.Since(began)/100)
	})
}

func replayBig(t *testing.T, s *store.Store) {
	t.Helper()
	list := make([]domain.Interaction, 200_000)
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for i := range list {
		n := int64(i)
		list[i] = like("replay"+strconv.Itoa(i), 1+n*7919%bigReaders, 1+n%bigBooks)
		list[i].At = at.Add(time.Duration(i) * time.Second)
	}
	began := time.Now()
	result, err := s.Import(t.Context(), store.ImportRequest{Interactions: list})
	t.Logf("%d interactions came back in %v: %+v, %v", len(list), time.Since(began), result, err)
	began = time.Now()
	n := 0
	err = s.Interactions(t.Context(), func(domain.Interaction) error { n++; return nil })
	t.Logf("%d interactions read in %v, %v", n, time.Since(began), err)
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// keepWriting returns how long each commit took.
func keepWriting(t *testing.T, s *store.Store, stop chan struct{}) (took []time.Duration) {
	t.Helper()
	for n := int64(0); ; n++ {
		select {
		case <-stop:
			return took
		default:
		}
		began := time.Now()
		id := "big" + time.Now().Format(time.RFC3339Nano)
		if _, err := s.Record(t.Context(), []domain.Interaction{like(id, 1+n%bigReaders, 1+n%bigBooks)}); err != nil {
			t.Error(err)
			return took
		}
		took = append(took, time.Since(began))
	}
}
