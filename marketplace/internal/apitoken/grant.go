// Package apitoken decides which programs may use the JSON API: by one token for
// everything, by named tokens from a file, or all of them.
package apitoken

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Errors of requests that are not admitted.
var (
	ErrUnauthorized = errors.New("token missing or wrong")
	ErrClosed       = errors.New("the API is closed")
	ErrScope        = errors.New("the token is not for this")
	ErrOtherReader  = errors.New("the token is for another reader")
)

// Scope is a kind of request.
type Scope string

// The scopes.
const (
	Read   Scope = "read"
	Write  Scope = "write"
	Forget Scope = "forget"
)

// Scopes returns all scopes.
func Scopes() []Scope { return []Scope{Read, Write, Forget} }

// Grant is what a caller may do. The zero value allows nothing.
type Grant struct {
	Name   string  // name of the token, for logs; "" without a token
	Scopes []Scope // what it is for
	Reader int64   // the only reader that it is for; 0 for all
}

// Anonymous reports whether the caller has no token, which an open API allows.
func (g Grant) Anonymous() bool { return g.Name == "" }

// ScopeError is an ErrScope.
type ScopeError struct{ Needed Scope }

func (e *ScopeError) Error() string { return fmt.Sprintf("%v: %s", ErrScope, e.Needed) }

// Unwrap returns ErrScope.
func (*ScopeError) Unwrap() error { return ErrScope }

// Check returns a ScopeError if the grant is not for a scope.
func (g Grant) Check(s Scope) error {
	if !slices.Contains(g.Scopes, s) {
		return &ScopeError{s}
	}
	return nil
}

// CheckReader returns ErrOtherReader if the grant is not for a reader.
func (g Grant) CheckReader(id int64) error {
	if g.Reader != 0 && g.Reader != id {
		return ErrOtherReader
	}
	return nil
}

type contextKey struct{}

// WithGrant returns a context that carries a grant.
func WithGrant(ctx context.Context, g Grant) context.Context {
	return context.WithValue(ctx, contextKey{}, g)
}

// FromContext returns the grant of a request, or the zero value.
func FromContext(ctx context.Context) Grant {
	g, _ := ctx.Value(contextKey{}).(Grant)
	return g
}
