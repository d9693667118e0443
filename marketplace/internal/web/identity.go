package web

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Readers who have no account get ids of this range. It fits an int32 and is out
// of the way of imported ids.
const (
	firstAnonymous = 2_000_000_000
	lastAnonymous  = 2_147_483_647
)

// identity is who a browser is.
type identity struct {
	own    int64 // made here at the first visit
	acting int64 // the sample reader that the shop is shown as; 0 for none
}

func newIdentity() (identity, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(lastAnonymous-firstAnonymous+1))
	if err != nil {
		return identity{}, fmt.Errorf("reader id: %w", err)
	}
	return identity{own: firstAnonymous + n.Int64()}, nil
}

// identityCookie keeps an identity in the browser, signed so that nobody can be
// somebody else.
type identityCookie struct {
	signer signer
	name   string
	secure bool
}

const (
	identityVersion = "v1"
	identityMaxAge  = 400 * 24 * time.Hour // browsers keep none for longer
)

func newIdentityCookie(key []byte, secure bool) identityCookie {
	c := identityCookie{signer: newSigner(key, "reader cookie"), name: "reader", secure: secure}
	if secure {
		c.name = "__Host-reader" // browsers then let no other host of the domain set it
	}
	return c
}

// encode returns version.own.acting.signature.
func (c identityCookie) encode(id identity) string {
	body := fmt.Sprintf("%s.%d.%d", identityVersion, id.own, id.acting)
	return body + "." + base64.RawURLEncoding.EncodeToString(c.signer.sign([]byte(body)))
}

// decode returns the identity of a cookie that encode made; ok is false for any other.
func (c identityCookie) decode(value string) (id identity, ok bool) {
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 {
		return identity{}, false
	}
	body := value[:cut]
	signature, err := base64.RawURLEncoding.Strict().DecodeString(value[cut+1:])
	if err != nil || !hmac.Equal(signature, c.signer.sign([]byte(body))) {
		return identity{}, false
	}
	parts := strings.Split(body, ".")
	if len(parts) != 3 || parts[0] != identityVersion {
		return identity{}, false
	}
	own, err1 := strconv.ParseInt(parts[1], 10, 64)
	acting, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil || own < firstAnonymous || own > lastAnonymous || acting < 0 {
		return identity{}, false
	}
	return identity{own, acting}, true
}

// read returns the identity that a request brings.
func (c identityCookie) read(r *http.Request) (identity, bool) {
	for _, cookie := range r.CookiesNamed(c.name) {
		if id, ok := c.decode(cookie.Value); ok {
			return id, true
		}
	}
	return identity{}, false
}

// write sets the cookie.
func (c identityCookie) write(w http.ResponseWriter, id identity) {
	c.set(w, c.encode(id), int(identityMaxAge.Seconds()))
}

// remove makes the browser somebody who was never here.
func (c identityCookie) remove(w http.ResponseWriter) { c.set(w, "", -1) }

func (c identityCookie) set(w http.ResponseWriter, value string, maxAge int) {
	//nolint:gosec // Secure is a setting: on a laptop the shop is served by plain HTTP
	setCookie(w, &http.Cookie{
		Name: c.name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}

// setCookie puts a cookie in the place of one of that name that the answer has
// already.
func setCookie(w http.ResponseWriter, cookie *http.Cookie) {
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(other string) bool {
		return strings.HasPrefix(other, cookie.Name+"=")
	})
	http.SetCookie(w, cookie)
}
