package web

import (
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/edge"
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
