package web

import (
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

// Why a request is not answered with what it asks for.
var (
	errNotReady         = errors.New("the catalogue is empty")
	errNoSuchPage       = errors.New("no such page")
	errNoSuchCategory   = errors.New("no such category")
	errMethodNotAllowed = errors.New("method not allowed")
	errUnauthorized     = errors.New("token is missing or wrong")
	errCrossOrigin      = errors.New("sent by another site")
	errURITooLong       = errors.New("address is too long")
	errBadForm          = errors.New("form cannot be read")
	errPanicked         = errors.New("panicked") // logged where it was caught
)

// fieldError says what is wrong with one field of a request.
type fieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// invalidRequest is a request with bad fields: all of them.
type invalidRequest []fieldError

func (e invalidRequest) Error() string { return "invalid request" }

// outcome is how an error is told. The texts are for readers and programs: they
// name no address, no replica and nothing that happened inside.
type outcome struct {
	status int
	detail string
	fields []fieldError
}

// outcomeOf is the table of errors. What is not in it is our fault.
func outcomeOf(err error) outcome {
	var invalid invalidRequest
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &invalid):
		return outcome{http.StatusBadRequest, "The request has fields that cannot be used.", invalid}
	case errors.Is(err, errBadForm):
		return outcome{http.StatusBadRequest, "The form could not be read.", nil}
	case errors.Is(err, errUnauthorized):
		return outcome{http.StatusUnauthorized, "This address wants a bearer token.", nil}
	case errors.Is(err, errCrossOrigin):
		return outcome{http.StatusForbidden, "The request was sent by a page of another site.", nil}
	case errors.Is(err, catalog.ErrBookNotFound):
		return outcome{http.StatusNotFound, "There is no such book.", nil}
	case errors.Is(err, errNoSuchCategory):
		return outcome{http.StatusNotFound, "There is no such category.", nil}
	case errors.Is(err, errNoSuchPage):
		return outcome{http.StatusNotFound, "There is nothing at this address.", nil}
	case errors.Is(err, errMethodNotAllowed):
		return outcome{http.StatusMethodNotAllowed, "This address does not take the method.", nil}
	case errors.As(err, &tooLarge):
		return outcome{http.StatusRequestEntityTooLarge, "The request is too large.", nil}
	case errors.Is(err, errURITooLong):
		return outcome{http.StatusRequestURITooLong, "The address is too long.", nil}
	case errors.Is(err, errNotReady):
		return outcome{http.StatusServiceUnavailable, "The books are being put out. Try again in a moment.", nil}
	default:
		return outcome{http.StatusInternalServerError, "Something went wrong on our side.", nil}
	}
}

// fail answers with an error: a problem for programs, a page for readers.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	told := outcomeOf(err)
	if told.status == http.StatusInternalServerError && !errors.Is(err, errPanicked) {
		telemetry.Logger(r.Context(), s.Log).Error(err, "request failed", "route", routeOf(r))
	}
	w.Header().Set("Cache-Control", "no-store")
	if told.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	if isAPI(r) {
		writeProblem(w, r, told)
		return
	}
	s.errorPage(w, r, told)
}
