package tutorial

import (
	"context"
	"math"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tutorialpb "bookstall/gen/tutorial"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

func newServer(t *testing.T) *Server {
	t.Helper()
	rec := recommender.New()
	if err := rec.Load(&domain.Library{Catalog: domain.Catalog{Version: "v1", Books: []domain.Book{
		{ID: 1, Title: "A", Author: "X", Categories: []string{"fiction"}, Popularity: 3},
		{ID: 2, Title: "B", Author: "X", Categories: []string{"romance", "fiction"}, Popularity: 2},
		{ID: 3, Title: "C", Author: "X", Categories: []string{"self-help"}, Popularity: 1},
		{ID: math.MaxInt32 + 1, Title: "D", Author: "X", Categories: []string{"fiction"}},
	}}}, 1); err != nil {
		t.Fatal(err)
	}
	return New(rec)
}

func TestRecommendAcceptsAnyMaxResults(t *testing.T) {
	s := newServer(t)
	for n, want := range map[int32]int{math.MinInt32: 0, -1: 0, 0: 0, 1: 1, 2: 2, 3: 2, 100000: 2, math.MaxInt32: 2} {
		resp, err := s.Recommend(context.Background(), &tutorialpb.RecommendationRequest{
			UserId: 1, Category: tutorialpb.BookCategory_FICTIONAL, MaxResults: n,
		})
		if err != nil || len(resp.GetRecommendations()) != want {
			t.Errorf("max_results %d: %d books, %v; want %d", n, len(resp.GetRecommendations()), err, want)
		}
	}
}

func TestCategories(t *testing.T) {
	s := newServer(t)
	for c, want := range map[tutorialpb.BookCategory]string{
		tutorialpb.BookCategory_FICTIONAL: "A", tutorialpb.BookCategory_ROMANCE: "B", tutorialpb.BookCategory_SELF_HELP: "C",
	} {
		resp, err := s.Recommend(context.Background(), &tutorialpb.RecommendationRequest{UserId: -7, Category: c, MaxResults: 1})
		if err != nil || len(resp.GetRecommendations()) != 1 || resp.GetRecommendations()[0].GetTitle() != want {
			t.Errorf("%v: %v, %v; want %s", c, resp, err, want)
		}
	}
	for _, c := range []tutorialpb.BookCategory{3, -1, math.MaxInt32} {
		if _, err := s.Recommend(context.Background(), &tutorialpb.RecommendationRequest{Category: c, MaxResults: 1}); status.Code(err) != codes.NotFound {
			t.Errorf("category %d: %v, want NOT_FOUND", c, err)
		}
	}
	notReady := New(recommender.New())
	if _, err := notReady.Recommend(context.Background(), &tutorialpb.RecommendationRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("Recommend before it is ready: %v, want Unavailable", err)
	}
}
