package signed

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// VersionCookie keeps the version of the visitor's history after the browser's last
// write, so that every replica of the shop shows visitors their own writes. It is
// signed because a version that is too high makes recommendations ask its store. It
// is not part of the reader's cookie: an older replica could not read that any more,
// and two concurrent answers would overwrite each other's.
type VersionCookie struct{ cookie }

// versionMaxAge is far longer than a replica can lag.
const versionMaxAge = 24 * time.Hour

// NewVersionCookie returns the cookie.
func NewVersionCookie(keys Keys, scope Scope) VersionCookie {
	return VersionCookie{newCookie(keys, "version", scope)}
}

// signedText is what is signed for a version of a visitor's history.
func signedText(own, version int64) string {
	return string(strconv.AppendInt(append(strconv.AppendInt(make([]byte, 0, 40), own, 10), '.'), version, 10))
}

// Encode returns version.signature: what is in the cookie, and how a page names the version
// that its shelf was made from.
func (c VersionCookie) Encode(own, version int64) string {
	return strconv.FormatInt(version, 10) + "." + c.sign(own, version)
}

func (c VersionCookie) sign(own, version int64) string {
	return c.signer.text(signedText(own, version))
}

// Decode returns the version of a text that Encode made for the visitor. A version of 0
// needs no signature: every history is as new as that.
func (c VersionCookie) Decode(text string, own int64) (version int64, ok bool) {
	number, signature, _ := strings.Cut(text, ".")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil || version < 0 || version > 0 && !c.signer.verify(signedText(own, version), signature) {
		return 0, false
	}
	return version, true
}

// Read returns the highest version in a request that is signed for the visitor, 0
// for none.
func (c VersionCookie) Read(r *http.Request, own int64) (version int64) {
	for _, cookie := range r.CookiesNamed(c.name) {
		if n, ok := c.Decode(cookie.Value, own); ok {
			version = max(version, n)
		}
	}
	return version
}

// Write sets the cookie.
func (c VersionCookie) Write(w http.ResponseWriter, own, version int64) {
	c.set(w, c.Encode(own, version), int(versionMaxAge.Seconds()))
}
