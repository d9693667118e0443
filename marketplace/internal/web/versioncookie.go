package web

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// versionCookie keeps up to which version of the own history a browser's writes
// went, so that every replica of the shop shows readers what they did. It is
// signed, because a version that is too high makes recommendations ask its store.
// It is not part of the reader's cookie: an older replica would not know that one
// any more, and two answers at a time would undo each other's.
type versionCookie struct {
	signer signer
	name   string
	secure bool
}

// versionMaxAge is how long a replica could be behind, and much more.
const versionMaxAge = 24 * time.Hour

func newVersionCookie(key []byte, secure bool) versionCookie {
	c := versionCookie{signer: newSigner(key, "version cookie"), name: "version", secure: secure}
	if secure {
		c.name = "__Host-version"
	}
	return c
}

// sign returns the signature of a version of a reader.
func (c versionCookie) sign(own, version int64) string {
	return base64.RawURLEncoding.EncodeToString(c.signer.sign(fmt.Appendf(nil, "%d.%d", own, version)))
}

// read returns the version that a request brings for a reader, 0 for none.
func (c versionCookie) read(r *http.Request, own int64) (version int64) {
	for _, cookie := range r.CookiesNamed(c.name) {
		text, signature, _ := strings.Cut(cookie.Value, ".")
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil && n > version && hmac.Equal([]byte(signature), []byte(c.sign(own, n))) {
			version = n
		}
	}
	return version
}

func (c versionCookie) write(w http.ResponseWriter, own, version int64) {
	c.set(w, strconv.FormatInt(version, 10)+"."+c.sign(own, version), int(versionMaxAge.Seconds()))
}

func (c versionCookie) remove(w http.ResponseWriter) { c.set(w, "", -1) }

func (c versionCookie) set(w http.ResponseWriter, value string, maxAge int) {
	//nolint:gosec // Secure is a setting: on a laptop the shop is served by plain HTTP
	setCookie(w, &http.Cookie{
		Name: c.name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}
