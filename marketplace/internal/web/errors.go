package web

import (
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
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
	errNotJSONType      = errors.New("body is not JSON")
	errNoCookie         = errors.New("the browser brought no cookie")
	errActing           = errors.New("the shop is shown as a sample reader")
	errNotKept          = errors.New("a write could not be kept")
	errHistoryAway      = errors.New("histories are away")
	errNoStream         = errors.New("no more live shelves")
	errBusy             = errors.New("too many requests at a time")
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
	status  int
	detail  string
	fields  []fieldError
	heading string // of a page; "" for that of the status
}

// outcomeOf is the table of errors. What is not in it is our fault.
func outcomeOf(err error) outcome {
	var invalid invalidRequest
	var tooLarge *http.MaxBytesError
	var refusal *Refusal
	answer := func(status int, detail string) outcome { return outcome{status: status, detail: detail} }
	switch {
	case errors.As(err, &invalid):
		return outcome{status: http.StatusBadRequest, detail: "The request has fields that cannot be used.", fields: invalid}
	case errors.As(err, &refusal):
		return answer(refusal.Status, refusal.Detail)
	case errors.Is(err, errBadForm):
		return answer(http.StatusBadRequest, "The form could not be read.")
	case errors.Is(err, errUnauthorized):
		return answer(http.StatusUnauthorized, "This address wants a bearer token.")
	case errors.Is(err, errCrossOrigin):
		return answer(http.StatusForbidden, "The request was sent by a page of another site.")
	case errors.Is(err, catalog.ErrBookNotFound):
		return answer(http.StatusNotFound, "There is no such book.")
	case errors.Is(err, errNoSuchCategory):
		return answer(http.StatusNotFound, "There is no such category.")
	case errors.Is(err, errNoSuchPage):
		return answer(http.StatusNotFound, "There is nothing at this address.")
	case errors.Is(err, errMethodNotAllowed):
		return answer(http.StatusMethodNotAllowed, "This address does not take the method.")
	case errors.As(err, &tooLarge):
		return answer(http.StatusRequestEntityTooLarge, "The request is too large.")
	case errors.Is(err, errURITooLong):
		return answer(http.StatusRequestURITooLong, "The address is too long.")
	case errors.Is(err, errNotJSONType):
		return answer(http.StatusUnsupportedMediaType, "The body must be JSON, and its Content-Type application/json.")
	case errors.Is(err, errNoCookie):
		return answer(http.StatusForbidden, "Your browser sent no cookie of ours, so we cannot tell whose book it is. Allow cookies for this shop and do it again.")
	case errors.Is(err, errActing):
		return answer(http.StatusConflict, "You see the shop as a sample reader. Choose “Yourself” under “Reading as”, and do it again.")
	case errors.Is(err, recommend.ErrConflict):
		return answer(http.StatusConflict, "The id was used before, for another interaction.")
	case errors.Is(err, recommend.ErrReadOnly):
		return answer(http.StatusNotImplemented, "This shop does not remember what readers do.")
	case errors.Is(err, errNotKept):
		return outcome{
			status: http.StatusServiceUnavailable, heading: "We could not keep that",
			detail: "What you did could not be kept just now. Nothing else is lost, and doing it again does no harm.",
		}
	case errors.Is(err, errHistoryAway):
		return outcome{
			status: http.StatusServiceUnavailable, heading: "Your books are away for a moment",
			detail: "What readers like, rate and buy cannot be looked up just now. Nothing is lost. Try again in a moment.",
		}
	case errors.Is(err, errBusy):
		return outcome{status: http.StatusServiceUnavailable, heading: busyHeading, detail: busyDetail}
	case isOverload(err):
		return outcome{
			status: http.StatusServiceUnavailable, heading: busyHeading,
			detail: "Recommendations have more to do than they can just now. Try again in a moment.",
		}
	case errors.Is(err, errNoStream):
		return answer(http.StatusServiceUnavailable, "There are no more live shelves just now.")
	case errors.Is(err, errNotReady):
		return answer(http.StatusServiceUnavailable, "The books are being put out. Try again in a moment.")
	default:
		return answer(http.StatusInternalServerError, "Something went wrong on our side.")
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
		w.Header().Set("Retry-After", retryAfter(err))
	}
	switch {
	case errors.Is(err, errBusy):
		s.metrics.shed.WithLabelValues(shedByShop).Inc()
	case isOverload(err):
		s.metrics.shed.WithLabelValues(shedByRecommendations).Inc()
	}
	if isAPI(r) {
		writeProblem(w, r, told)
		return
	}
	s.errorPage(w, r, told)
}

// isOverload reports whether recommendations had too much to do.
func isOverload(err error) bool { return errors.Is(err, recommend.ErrOverloaded) }

// retryAfter is when to come back, in seconds. Too much to do is over sooner than
// what has to start or to be mended.
func retryAfter(err error) string {
	if errors.Is(err, errBusy) || isOverload(err) {
		return "1"
	}
	return "2"
}
