package recommend

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Why something was not kept, or is not known.
var (
	// ErrUnavailable says that it cannot be done now. It may have been done all the
	// same: the answer may be what is missing. Doing it again with the same id is safe.
	ErrUnavailable = errors.New("recommendations cannot do that now")
	// ErrOverloaded says that replicas have more to do than they can. Of all that is
	// not a shelf it is an ErrUnavailable, too.
	ErrOverloaded = errors.New("replicas are overloaded")
	// ErrReadOnly says that recommendations has no store.
	ErrReadOnly = errors.New("recommendations keeps nothing")
	// ErrConflict says that the id of an interaction is that of another one.
	ErrConflict = errors.New("the id was used for another interaction")
)

// FieldError says what is wrong with a field of an interaction.
type FieldError struct{ Field, Reason string }

func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// storeError turns what gRPC says of a write, or of a history, into one of the
// errors above.
func storeError(err error) error {
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrOverloaded, err)
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case codes.FailedPrecondition, codes.Unimplemented: // the latter by a replica that is older
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	default:
		return err
	}
}

// Why no shelf came, besides ErrOverloaded. They never reach a reader, who gets the
// fallback.
var (
	errTimeout     = errors.New("no answer in time")
	errUnavailable = errors.New("no replica available")
	errMismatch    = errors.New("catalogues differ") // the replica does not know what our catalogue has
	errBroken      = errors.New("the replica failed")
)

// fromStatus turns what gRPC says into one of the errors above.
func fromStatus(err error) error {
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.DeadlineExceeded:
		return errTimeout
	case codes.Unavailable:
		return errUnavailable
	case codes.ResourceExhausted:
		return ErrOverloaded
	case codes.NotFound, codes.InvalidArgument:
		return errMismatch
	default:
		return errBroken
	}
}

// reason is the metric label of an error of fromStatus.
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
	default:
		return "broken"
	}
}
