package web

import (
	"errors"
	"math"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

// arrive finds out where a request comes from, for which host, and for which of the shop's
// addresses.
func (s *shop) arrive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, s.Edge.Arrive(r))
	})
}

// refuseCrossOrigin refuses forms that a page of another site makes a browser send.
func (s *shop) refuseCrossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.Edge.CheckOrigin(r)
		var other *edge.OriginError
		if errors.As(err, &other) {
			telemetry.Warn(telemetry.Logger(r.Context(), s.Log), "request of another origin refused",
				"origin", printable(other.Origin), "shop", printable(other.Shop), "peer", edge.ArrivalOf(r.Context()).Peer.String(),
				"help", "if both are this shop, set --public-url, or have the proxy pass on the Host")
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
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
		id, ok := request.WholeNumber(text, 1, math.MaxInt64)
		if !ok || text[0] == '0' || signed.IsVisitor(id) {
			s.metrics.misnamed.WithLabelValues(misnamedByProxy).Inc()
			s.refuse(w, r, problem.Invalid{{Field: s.Edge.ReaderHeader(), Reason: "must be the id of a reader who is no visitor: a whole number from 1"}})
			return
		}
		next.ServeHTTP(w, r.WithContext(page.WithReader(r.Context(), id)))
	})
}
