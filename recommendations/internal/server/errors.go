package server

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"bookstall/recommendations/internal/domain"
)

// toStatus translates an error of the domain to a gRPC status. It returns unknown errors
// unchanged; package rpc logs them and hides their text.
func toStatus(err error) error {
	switch {
	case errors.Is(err, domain.ErrNotReady):
		return status.Error(codes.Unavailable, "not ready yet; try another replica")
	case errors.Is(err, domain.ErrStoreDown):
		return status.Error(codes.Unavailable, "the store cannot be used; interactions cannot be stored now")
	case errors.Is(err, domain.ErrReadOnly):
		return status.Error(codes.FailedPrecondition, "this service has no store, so it cannot store interactions")
	case errors.Is(err, domain.ErrBookNotFound):
		return status.Error(codes.NotFound, "no book has this id")
	case errors.Is(err, domain.ErrCategoryNotFound):
		return status.Error(codes.InvalidArgument, "no book has this category")
	}
	return err
}

// trailer sets trailers of a call.
type trailer interface{ SetTrailer(metadata.MD) }

// unary sets trailers of a unary call.
type unary struct{ context.Context }

func (u unary) SetTrailer(md metadata.MD) {
	_ = grpc.SetTrailer(u, md) // fails only outside of a call
}

// writeFailed translates an error of a write to a gRPC status. An unreachable store is
// unreachable for all replicas: a trailer tells the client not to retry.
func (s *Server) writeFailed(call trailer, err error) error {
	if errors.Is(err, domain.ErrStoreDown) {
		call.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", "-1"))
	}
	return toStatus(err)
}

// violations collects the invalid fields of a request, so that the answer lists all of
// them.
type violations []*errdetails.BadRequest_FieldViolation

func (v *violations) add(field, description string) {
	*v = append(*v, &errdetails.BadRequest_FieldViolation{Field: field, Description: description})
}

// err returns INVALID_ARGUMENT with a google.rpc.BadRequest, or nil if there are no
// violations.
func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	text := "invalid request"
	for i, f := range v {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		text += sep + f.GetField() + " " + f.GetDescription()
	}
	s := status.New(codes.InvalidArgument, text)
	detailed, err := s.WithDetails(&errdetails.BadRequest{FieldViolations: v})
	if err != nil {
		return s.Err() // the text says the same
	}
	return detailed.Err()
}
