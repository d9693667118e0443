// Package signed makes the values that the shop hands out and trusts when they
// come back: the reader's cookie, the version cookie and the page tokens of the
// API. Each is signed with a key of its own, derived from one secret that all
// replicas share.
package signed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// MinKey is the shortest secret to sign with, in bytes.
const MinKey = 32

// signer makes signatures for one purpose.
type signer struct{ key []byte }

// newSigner derives a key from the secret and the purpose, so that a signature
// for one purpose is not valid for another.
func newSigner(secret []byte, purpose string) signer {
	return signer{signer{secret}.sign([]byte(purpose))}
}

func (s signer) sign(message []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	_, _ = mac.Write(message) // never fails
	return mac.Sum(nil)
}

// text returns the signature of a message as text, for cookies.
func (s signer) text(message string) string {
	return base64.RawURLEncoding.EncodeToString(s.sign([]byte(message)))
}

// cookie is the common part of the signed cookies.
type cookie struct {
	name   string
	secure bool // whether the shop is served over HTTPS
	signer signer
}

func newCookie(secret []byte, name string, secure bool) cookie {
	c := cookie{name, secure, newSigner(secret, name+" cookie")}
	if secure {
		c.name = "__Host-" + name // so that browsers let no other host of the domain set it
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
		Name: c.name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}
