//go:build !race

package server

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/recommender"
)

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
