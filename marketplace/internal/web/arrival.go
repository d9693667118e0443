package web

import (
	"errors"
	"math"
	"net/http"
	"strings"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

// arrive finds out where a request comes from, for which host, and for which of the shop's
// addresses. It copies the request, so that what follows may change it.
func (s *shop) arrive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, s.Edge.Arrive(r))
	})
}

// refuseCrossOrigin refuses forms that a page of another site makes a browser send.
func (s *shop) refuseCrossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.Edge.CheckOrigin(r)
		if err == nil {
			next.ServeHTTP(w, r)
			return
		}
		if other := (*edge.OriginError)(nil); errors.As(err, &other) {
			telemetry.Warn(telemetry.Logger(r.Context(), s.Log), "request of another origin refused",
				"origin", printable(other.Origin), "shop", printable(other.Shop), "peer", edge.ArrivalOf(r.Context()).Peer.String(),
				"help", "if both are this shop, set --public-url, or have the proxy pass on the Host")
		}
		s.refuse(w, r, err)
	})
}

// refuseOtherHosts refuses requests that are not meant for this shop.
func (s *shop) refuseOtherHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Edge.CheckHost(r); err != nil {
			telemetry.Logger(r.Context(), s.Log).Info("request for another host refused", "host", printable(r.Host))
			s.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// readerNamed returns the reader whom a proxy calls by an id: a number, or a text. Who is known
// neither from an import nor from a write is nobody; a form makes the reader known.
func (s *shop) readerNamed(r *http.Request, text string) (int64, error) {
	id, isNumber := request.WholeNumber(text, 1, math.MaxInt64)
	switch {
	case strings.Contains(text, ","): // perhaps two headers
		return 0, &recommend.FieldError{Reason: "has a comma"}
	case isNumber && signed.IsVisitor(id):
		return 0, &recommend.FieldError{Reason: "is that of a visitor"}
	case isNumber && text[0] != '0' && !signed.IsMapped(id):
		return id, nil
	}
	writes := r.Method != http.MethodGet && r.Method != http.MethodHead
	id, err := s.Recommender.Reader(r.Context(), text, writes)
	switch {
	case err == nil && id == 0:
		return signed.Nobody, nil
	case err == nil || !errors.Is(err, recommend.ErrUnavailable):
		return id, err
	}
	switch route := routeOf(r); {
	case writes:
		return 0, problem.Unavailable(problem.ErrNotKept, err)
	case route == page.YourBooksPath || route == page.DownloadPath || route == page.DownloadJSONPath:
		return 0, problem.Unavailable(problem.ErrNoHistory, err)
	}
	return signed.Nobody, nil // the other pages do without the reader, as they do without recommendations
}

// signIn finds the reader that a proxy names. The API has tokens instead, and static files
// are for everybody.
func (s *shop) signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r) || routeOf(r) == page.StaticPath {
			next.ServeHTTP(w, r)
			return
		}
		text, err := s.Edge.Reader(r)
		if err != nil {
			s.metrics.misnamed.WithLabelValues(misnamedByStranger).Inc()
			telemetry.Warn(telemetry.Logger(r.Context(), s.Log), "reader header refused",
				"peer", edge.ArrivalOf(r.Context()).Peer.String(), "help", "if it is a proxy of this shop, name it by --trusted-proxies")
			s.refuse(w, r, err)
			return
		}
		if text == "" {
			next.ServeHTTP(w, r)
			return
		}
		id, err := s.readerNamed(r, text)
		if field := (*recommend.FieldError)(nil); errors.As(err, &field) {
			s.metrics.misnamed.WithLabelValues(misnamedByProxy).Inc()
			err = problem.Invalid{{Field: s.Edge.ReaderHeader(), Reason: "must be the id of a reader who is no visitor: it " + field.Reason}}
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(page.WithReader(r.Context(), id)))
	})
}
