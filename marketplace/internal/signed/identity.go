package signed

import (
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Visitors get ids of this range. It fits an int32 and has no imported ids.
const (
	FirstVisitor = 2_000_000_000
	LastVisitor  = 2_147_483_647
)

// Identity identifies a browser's reader.
type Identity struct {
	Own    int64 // id made by NewIdentity at the first visit
	Acting int64 // the sample reader that the shop is shown as; 0 for none
}

// NewIdentity returns an identity with a random id.
func NewIdentity() Identity {
	n, _ := rand.Int(rand.Reader, big.NewInt(LastVisitor-FirstVisitor+1)) // never fails, as rand.Reader does not
	return Identity{Own: FirstVisitor + n.Int64()}
}

// IdentityCookie keeps an Identity in the browser.
type IdentityCookie struct{ cookie }

const identityMaxAge = 400 * 24 * time.Hour // the most that browsers allow

// NewIdentityCookie returns the cookie; secure is for shops served over HTTPS.
func NewIdentityCookie(secret []byte, secure bool) IdentityCookie {
	return IdentityCookie{newCookie(secret, "reader", secure)}
}

// encode returns v1.own.acting.signature.
func (c IdentityCookie) encode(id Identity) string {
	body := fmt.Sprintf("v1.%d.%d", id.Own, id.Acting)
	return body + "." + c.signer.text(body)
}

// decode returns the identity of a value that encode made; ok is false for any other.
func (c IdentityCookie) decode(value string) (id Identity, ok bool) {
	parts := strings.Split(value, ".")
	if len(parts) != 4 {
		return Identity{}, false
	}
	own, err1 := strconv.ParseInt(parts[1], 10, 64)
	acting, err2 := strconv.ParseInt(parts[2], 10, 64)
	id = Identity{own, acting}
	if err1 != nil || err2 != nil || own < FirstVisitor || own > LastVisitor || acting < 0 ||
		!hmac.Equal([]byte(value), []byte(c.encode(id))) {
		return Identity{}, false
	}
	return id, true
}

// Read returns the first identity among the cookies of a request that has a valid
// signature.
func (c IdentityCookie) Read(r *http.Request) (Identity, bool) {
	for _, cookie := range r.CookiesNamed(c.name) {
		if id, ok := c.decode(cookie.Value); ok {
			return id, true
		}
	}
	return Identity{}, false
}

// Write sets the cookie.
func (c IdentityCookie) Write(w http.ResponseWriter, id Identity) {
	c.set(w, c.encode(id), int(identityMaxAge.Seconds()))
}
