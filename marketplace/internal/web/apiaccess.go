package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"bookstall/marketplace/internal/apitoken"
)

// admitToAPI refuses API requests that have no token for what they ask, even where there
// is no route. Handlers find in the context what the caller may do.
func (s *shop) admitToAPI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path+"/", "/api/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		grant, err := s.API.Admit(r.Header.Get("Authorization"))
		if err == nil {
			recorded(w).token = grant.Name
			err = s.admitGrant(grant, scopeOf(r.Method))
		}
		if err != nil {
			var scope *apitoken.ScopeError
			switch {
			case errors.Is(err, apitoken.ErrUnauthorized):
				w.Header().Set("WWW-Authenticate", `Bearer realm="bookstall"`)
			case errors.As(err, &scope): // as in RFC 6750, section 3.1
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="bookstall", error="insufficient_scope", scope="%s"`, scope.Needed))
			}
			s.refuse(w, r, err)
			return
		}
		setContext(apitoken.WithGrant(r.Context(), grant), r)
		next.ServeHTTP(w, r)
	})
}

// admitGrant returns why the holder of a token may not make a request, or nil.
func (s *shop) admitGrant(grant apitoken.Grant, scope apitoken.Scope) error {
	if err := grant.Check(scope); err != nil || grant.Anonymous() {
		return err
	}
	if err := s.tokens.Request(grant.Name); err != nil || scope == apitoken.Read {
		return err
	}
	return s.tokens.Write(grant.Name)
}

// scopeOf returns the scope that a method needs.
func scopeOf(method string) apitoken.Scope {
	switch method {
	case http.MethodGet, http.MethodHead:
		return apitoken.Read
	case http.MethodDelete:
		return apitoken.Forget
	}
	return apitoken.Write
}
