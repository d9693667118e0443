package rpc

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/internal/fault"
)

// applyFaults applies the faults to a call, but not to health and reflection.
func applyFaults(ctx context.Context, faults *fault.Faults, method string) error {
	if !isOwn(method) {
		return nil
	}
	err := faults.Apply(ctx)
	var wanted *fault.Error
	if !errors.As(err, &wanted) {
		return err
	}
	code := codes.Internal
	if err := code.UnmarshalJSON([]byte(strconv.Quote(wanted.Code))); err != nil {
		code = codes.Internal // cannot happen: a test compares fault.Codes with gRPC's
	}
	return status.Error(code, wanted.Error())
}
