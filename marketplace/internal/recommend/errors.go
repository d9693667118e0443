package recommend

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Errors of writes and histories.
var (
	// ErrUnavailable means that the call failed and can be retried. A write may have
	// been stored although its answer was lost; a retry with the same id is safe.
	ErrUnavailable = errors.New("recommendations is unavailable")
	// ErrOverloaded means that replicas shed the call. Writes and histories return it
	// together with ErrUnavailable; a shelf has it as its Cause.
	ErrOverloaded = errors.New("replicas are overloaded")
	// ErrReadOnly means that recommendations runs without a store.
	ErrReadOnly = errors.New("recommendations has no store")
	// ErrForgotten means that the reader was forgotten since the generation of the call.
	ErrForgotten = errors.New("the reader was forgotten")
	// ErrConflict means that the id of the interaction belongs to a different one.
	ErrConflict = errors.New("the id was used for another interaction")
)

// FieldError reports an invalid field of an interaction.
type FieldError struct{ Field, Reason string }

func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// storeError maps the gRPC error of a write or a history to one of the errors above.
func storeError(err error) error {
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrOverloaded, err)
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.PermissionDenied: // another replica may allow this shop
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case codes.Internal, codes.Unknown, codes.Aborted, codes.DataLoss, codes.Unauthenticated: // the replica or its connection broke, and another may do
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, errBroken, err)
	case codes.FailedPrecondition, codes.Unimplemented: // older replicas do not implement the call
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	default:
		return err
	}
}

// Causes of a fallback, besides ErrOverloaded.
var (
	errTimeout     = errors.New("deadline exceeded")
	errUnavailable = errors.New("no replica available")
	errMismatch    = errors.New("catalogues differ") // the replica does not know a book or category of ours, or has another book of the same id
	errRefused     = errors.New("the replica does not allow this shop to call")
	errBroken      = errors.New("the replica failed")
)

// fallbackCause maps the gRPC error of a shelf to one of the errors above.
func fallbackCause(err error) error {
	if errors.Is(err, errMismatch) {
		return errMismatch
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return errTimeout
	case codes.Unavailable:
		return errUnavailable
	case codes.ResourceExhausted:
		return ErrOverloaded
	case codes.NotFound, codes.InvalidArgument:
		return errMismatch
	case codes.PermissionDenied:
		return errRefused
	default:
		return errBroken
	}
}

// reason returns the metric label of a fallback's cause.
func reason(err error) string {
	switch {
	case errors.Is(err, errTimeout):
		return "timeout"
	case errors.Is(err, errUnavailable):
		return "unavailable"
	case errors.Is(err, ErrOverloaded):
		return "overloaded"
	case errors.Is(err, errMismatch):
		return "mismatch"
	case errors.Is(err, errRefused):
		return "refused"
	default:
		return "broken"
	}
}
