// Package tutorial implements the gRPC services of the tutorials that this project
// descends from, so that the tutorials' clients work unchanged. Recommendations is
// always registered and answers with the project's own recommendations. The
// others, and one of them over REST for comparison, are enabled by --tutorial.
//
// New callers use recommendations.v1 instead.
package tutorial

import (
	"context"
	"errors"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tutorialpb "bookstall/gen/tutorial"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// Server implements the tutorial's service Recommendations.
type Server struct {
	tutorialpb.UnimplementedRecommendationsServer

	recommender *recommender.Recommender
}

// New returns a server that answers with the recommendations of rec.
func New(rec *recommender.Recommender) *Server { return &Server{recommender: rec} }

// Register adds the service to a gRPC server.
func (s *Server) Register(to grpc.ServiceRegistrar) { tutorialpb.RegisterRecommendationsServer(to, s) }

// category returns the project's slug of a category of the tutorial.
func category(c tutorialpb.BookCategory) (slug string, ok bool) {
	switch c {
	case tutorialpb.BookCategory_FICTIONAL:
		return "fiction", true
	case tutorialpb.BookCategory_ROMANCE:
		return "romance", true
	case tutorialpb.BookCategory_SELF_HELP:
		return "self-help", true
	}
	return "", false
}

// Recommend returns up to max_results books of one category. Unlike
// recommendations.v1 it accepts any max_results (negative ones as 0) and any
// user_id. An unknown category is NOT_FOUND.
func (s *Server) Recommend(_ context.Context, req *tutorialpb.RecommendationRequest) (*tutorialpb.RecommendationResponse, error) {
	slug, ok := category(req.GetCategory())
	if !ok {
		return nil, status.Error(codes.NotFound, "Category not found")
	}
	shelf, err := s.recommender.Recommend(int64(req.GetUserId()), slug, int(max(0, req.GetMaxResults())), recommender.Buyable)
	switch {
	case errors.Is(err, domain.ErrCategoryNotFound): // the catalogue in use does not have it
		return nil, status.Error(codes.NotFound, "Category not found")
	case errors.Is(err, domain.ErrNotReady):
		return nil, status.Error(codes.Unavailable, "not ready yet")
	case err != nil:
		return nil, err
	}
	resp := &tutorialpb.RecommendationResponse{}
	for _, item := range shelf.Items {
		if item.Book.ID > math.MaxInt32 {
			continue // the contract has no room for the id
		}
		resp.Recommendations = append(resp.Recommendations, &tutorialpb.BookRecommendation{
			Id: int32(item.Book.ID), Title: item.Book.Title,
		})
	}
	return resp, nil
}
