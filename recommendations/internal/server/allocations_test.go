//go:build !race

package server

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// A history costs the same number of allocations, however many books it has.
func TestAllocationsOfGetHistory(t *testing.T) {
	lib := testLibrary()
	for _, b := range lib.Books {
		lib.Ratings = append(lib.Ratings, domain.Rating{UserID: 99, BookID: b.ID, Stars: 4})
	}
	rec := recommender.New()
	if err := rec.Load(lib, 1); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Recommender: rec, Name: "replica-1", FollowAge: time.Minute, Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry()})
	const allowed = 4
	for reader, books := range map[int64]int{1: 4, 99: len(lib.Books)} {
		n := testing.AllocsPerRun(200, func() {
			resp, err := s.GetHistory(t.Context(), &recommendationsv1.GetHistoryRequest{UserId: reader})
			if err != nil || len(resp.GetEntries()) != books {
				t.Fatalf("%d books, %v; want %d", len(resp.GetEntries()), err, books)
			}
		})
		if n > allowed {
			t.Errorf("%v allocations for a history of %d books, want at most %d", n, books, allowed)
		}
	}
}

// A shelf costs the same number of allocations, however many books it and the history have.
func TestAllocationsOfRecommend(t *testing.T) {
	rec := recommender.New()
	if err := rec.Load(testLibrary(), 1); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Recommender: rec, Name: "replica-1", FollowAge: time.Minute, Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry()})
	const allowed = 4
	for _, books := range []int32{10, 100} {
		for _, variety := range []recommendationsv1.Variety{recommendationsv1.Variety_VARIETY_UNSPECIFIED, recommendationsv1.Variety_VARIETY_FAR} {
			n := testing.AllocsPerRun(200, func() {
				if _, err := s.Recommend(t.Context(), &recommendationsv1.RecommendRequest{UserId: 1, MaxResults: books, Variety: variety}); err != nil {
					t.Fatal(err)
				}
			})
			if n > allowed {
				t.Errorf("%v allocations for a shelf of %d books, %v, want at most %d", n, books, variety, allowed)
			}
		}
	}
}
