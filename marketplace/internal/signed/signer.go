// Package signed makes the values that the shop hands out and trusts when they
// come back: the reader's cookie, the version cookie and the page tokens of the
// API. Each is signed with a key of its own, derived from one secret that all
// replicas share.
package signed

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// MinKey is the shortest secret to sign with, in bytes.
const MinKey = 32

// Keys are the secrets of the shop: the present one, which signs, and perhaps the previous
// one, whose signatures are still valid. Each has at least MinKey bytes.
type Keys [][]byte

// Validate returns an error if a key is too short.
func (k Keys) Validate() error {
	for _, key := range k {
		if len(key) < MinKey {
			return fmt.Errorf("the cookie key has %d bytes, want at least %d", len(key), MinKey)
		}
	}
	return nil
}

// signer makes signatures for one purpose.
type signer struct{ keys [][]byte }

// newSigner derives a key from each secret and the purpose, so that a signature
// for one purpose is not valid for another.
func newSigner(keys Keys, purpose string) signer {
	var s signer
	for _, secret := range keys {
		s.keys = append(s.keys, mac(secret, []byte(purpose)))
	}
	return s
}

func mac(key, message []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write(message) // never fails
	return m.Sum(nil)
}

func (s signer) sign(message []byte) []byte { return mac(s.keys[0], message) }

// text returns the signature of a message as text, for cookies.
func (s signer) text(message string) string {
	return base64.RawURLEncoding.EncodeToString(s.sign([]byte(message)))
}

// verify reports whether text made the signature of a message, with any of the keys.
func (s signer) verify(message, signature string) bool {
	for _, key := range s.keys {
		if hmac.Equal([]byte(signature), []byte(base64.RawURLEncoding.EncodeToString(mac(key, []byte(message))))) {
			return true
		}
	}
	return false
}

// Scope is what requests browsers send the cookies with.
type Scope struct {
	Secure bool   // those over HTTPS only
	Path   string // those below a path; "" for all
}

// cookie is the common part of the signed cookies.
type cookie struct {
	name   string
	scope  Scope
	signer signer
}

// newCookie returns a cookie whose name has what browsers check of its scope. Over HTTPS no
// other host of the domain can set a cookie of the root. The name has the path, too: cookies
// do not know of ports, and those of an outer path come along.
func newCookie(keys Keys, name string, scope Scope) cookie {
	c := cookie{name + strings.ReplaceAll(scope.Path, "/", "."), scope, newSigner(keys, name+" cookie")}
	switch {
	case scope.Secure && scope.Path == "":
		c.name = "__Host-" + c.name
	case scope.Secure:
		c.name = "__Secure-" + c.name
	}
	return c
}

// Remove makes the browser delete the cookie.
func (c cookie) Remove(w http.ResponseWriter) { c.set(w, "", -1) }

// set replaces the cookie if the response has it already.
func (c cookie) set(w http.ResponseWriter, value string, maxAge int) {
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(other string) bool {
		return strings.HasPrefix(other, c.name+"=")
	})
	//nolint:gosec // Secure is a setting: on a laptop the shop is served by plain HTTP
	http.SetCookie(w, &http.Cookie{
		Name: c.name, Value: value, Path: cmp.Or(c.scope.Path, "/"), MaxAge: maxAge,
		HttpOnly: true, Secure: c.scope.Secure, SameSite: http.SameSiteLaxMode,
	})
}
