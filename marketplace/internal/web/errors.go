package web

import (
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/api"
	"bookstall/marketplace/internal/web/problem"
)

// errPanicked is not logged again by fail.
var errPanicked = errors.New("panicked")

// fail answers with an error: JSON for programs, a page for readers.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Status == http.StatusInternalServerError && !errors.Is(err, errPanicked) {
		telemetry.Logger(r.Context(), s.Log).Error(err, "request failed", "route", routeOf(r))
	}
	busy, overloaded := errors.Is(err, problem.ErrBusy), errors.Is(err, recommend.ErrOverloaded)
	w.Header().Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	if busy || overloaded {
		w.Header().Set("Retry-After", "1") // load passes sooner than a start or a repair
		s.metrics.countShed(busy)
	}
	switch {
	case isAPI(r):
		api.SendProblem(w, r, p)
	case busy:
		s.pages.Busy(w)
	default:
		s.pages.Error(w, r, p, err)
	}
}
