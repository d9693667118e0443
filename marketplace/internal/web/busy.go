package web

import (
	"fmt"
	"net/http"

	"bookstall/marketplace/internal/recommend"
)

// The heading and the text for those who come when there is no more room.
const (
	busyHeading = "The shop is busy"
	busyDetail  = "More readers are here than we can serve at a time. Try again in a moment."
)

// Values of the label by: who had too much to do.
const (
	shedByShop            = "shop"
	shedByRecommendations = "recommendations"
)

// bounded answers no more than MaxRequests at a time and refuses all others at
// once, at a small part of what an answer costs: who is let in is served in time.
func (s *shop) bounded(next http.Handler) http.Handler {
	if s.MaxRequests == 0 {
		return next
	}
	places := make(chan struct{}, s.MaxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.takesPlace(r) {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			next.ServeHTTP(w, r)
		default:
			s.refuse(w, r)
		}
	})
}

// takesPlace reports whether a request counts. Streams have a bound of their own.
// The files that pages are made of cost no more than a refusal, and the page that
// refuses needs them. What is polled is looked at most when the shop is busy.
func (s *shop) takesPlace(r *http.Request) bool {
	route := routeOf(r)
	return route != eventsPath && route != staticPath && !s.polled(r)
}

// refuse says that the shop is busy. The page is the same for all readers, so that
// nothing is made for it.
func (s *shop) refuse(w http.ResponseWriter, r *http.Request) {
	if isAPI(r) {
		s.fail(w, r, errBusy)
		return
	}
	s.metrics.shed.WithLabelValues(shedByShop).Inc()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", retryAfter(errBusy))
	write(w, http.StatusServiceUnavailable, "text/html; charset=utf-8", s.busyPage)
}

// newBusyPage makes the page for refuse, without anything that changes.
func (s *shop) newBusyPage() ([]byte, error) {
	page, err := s.templates.render("error.html", errorPage{
		layout: layout{Title: busyHeading, Here: "/", Reading: yourselfLabel},
		Status: http.StatusServiceUnavailable, Heading: busyHeading, Detail: busyDetail,
	})
	if err != nil {
		return nil, fmt.Errorf("busy page: %w", err)
	}
	return page, nil
}

// forProgram takes no fallback for an answer when replicas are overloaded: a
// program can come back later, and should. Readers are better off with bestsellers.
func forProgram(shelf recommend.Shelf, err error) (recommend.Shelf, error) {
	if err == nil && isOverload(shelf.Cause) {
		return recommend.Shelf{}, shelf.Cause
	}
	return shelf, err
}
