package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/limit"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/api"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// errPanicked is not logged again by fail.
var errPanicked = errors.New("panicked")

// fail answers with an error: JSON for programs, a page for readers.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Status == http.StatusInternalServerError && !errors.Is(err, errPanicked) {
		telemetry.Logger(r.Context(), s.Log).Error(err, "request failed", "route", routeOf(r))
	}
	busy, retryAfter := errors.Is(err, problem.ErrBusy), "2" // seconds
	switch {
	case busy:
		s.metrics.shed.WithLabelValues(shedByShop).Inc()
		retryAfter = "1" // load passes sooner than a start or a repair
	case errors.Is(err, recommend.ErrOverloaded):
		s.metrics.shed.WithLabelValues(shedByRecommendations).Inc()
		retryAfter = "1"
	}
	w.Header().Set("Cache-Control", "no-store")
	var exceeded *limit.Exceeded
	if errors.As(err, &exceeded) {
		retryAfter = strconv.Itoa(int(math.Ceil(exceeded.After.Seconds())))
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
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

// failBriefly answers with an error that readers hardly ever see, and that may have to be
// sent very often: it is one sentence, without a page around it.
func (s *shop) failBriefly(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close")
	if isAPI(r) {
		api.SendProblem(w, r, p)
		return
	}
	reply.Send(w, p.Status, "text/plain; charset=utf-8", []byte(p.Detail+"\n"))
}
