package recommend

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Why no answer came. They never reach a reader, who gets the fallback.
var (
	errTimeout     = errors.New("no answer in time")
	errUnavailable = errors.New("no replica available")
	errOverloaded  = errors.New("replicas are overloaded")
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
		return errOverloaded
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
	case errors.Is(err, errOverloaded):
		return "overloaded"
	case errors.Is(err, errMismatch):
		return "mismatch"
	default:
		return "broken"
	}
}
