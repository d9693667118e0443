package signed

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
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

// Identity is who a browser is.
type Identity struct {
	Own    int64 // made by NewIdentity at the first visit
	Acting int64 // the sample reader that the shop is shown as; 0 for none
}

// NewIdentity returns an identity with a random id.
func NewIdentity() (Identity, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(LastVisitor-FirstVisitor+1))
	if err != nil {
		return Identity{}, fmt.Errorf("reader id: %w", err)
	}
	return Identity{Own: FirstVisitor + n.Int64()}, nil
}

// IdentityCookie keeps an Identity in the browser.
type IdentityCookie struct {
	cookie
	signer signer
}

const (
	identityVersion = "v1"
	identityMaxAge  = 400 * 24 * time.Hour // the most that browsers allow
)

// NewIdentityCookie returns the cookie; secure is for shops served over HTTPS.
func NewIdentityCookie(secret []byte, secure bool) IdentityCookie {
	return IdentityCookie{newCookie("reader", secure), newSigner(secret, "reader cookie")}
}

// encode returns version.own.acting.signature.
func (c IdentityCookie) encode(id Identity) string {
	body := fmt.Sprintf("%s.%d.%d", identityVersion, id.Own, id.Acting)
	return body + "." + base64.RawURLEncoding.EncodeToString(c.signer.sign([]byte(body)))
}

// decode returns the identity of a value that encode made; ok is false for any other.
func (c IdentityCookie) decode(value string) (id Identity, ok bool) {
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 {
		return Identity{}, false
	}
	body := value[:cut]
	signature, err := base64.RawURLEncoding.Strict().DecodeString(value[cut+1:])
	if err != nil || !hmac.Equal(signature, c.signer.sign([]byte(body))) {
		return Identity{}, false
	}
	parts := strings.Split(body, ".")
	if len(parts) != 3 || parts[0] != identityVersion {
		return Identity{}, false
	}
	own, err1 := strconv.ParseInt(parts[1], 10, 64)
	acting, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil || own < FirstVisitor || own > LastVisitor || acting < 0 {
		return Identity{}, false
	}
	return Identity{own, acting}, true
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
