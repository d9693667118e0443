package server

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/recommender"
)

// BenchmarkRecommend makes and encodes a shelf of ten books.
func BenchmarkRecommend(b *testing.B) {
	rec := recommender.New()
	if err := rec.Load(testLibrary(), 1); err != nil {
		b.Fatal(err)
	}
	s := New(Config{Recommender: rec, Name: "replica-1", FollowAge: time.Minute, Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry()})
	for b.Loop() {
		answer, err := s.Recommend(b.Context(), &recommendationsv1.RecommendRequest{UserId: 1, MaxResults: 10})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := proto.Marshal(answer); err != nil {
			b.Fatal(err)
		}
	}
}
