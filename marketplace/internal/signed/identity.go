package signed

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Visitors get ids of this range. JSON carries them exactly, and a stranger who draws ids at
// random for a year does not meet one of a hundred million visitors.
const (
	FirstVisitor = 1 << 52
	LastVisitor  = 1<<53 - 1
)

// Visitors of earlier versions have ids of this range, which is small enough to draw
// somebody else's id by chance. They keep them, but no new one is made.
const (
	firstFormer = 2_000_000_000
	lastFormer  = 2_147_483_647
)

// IsVisitor reports whether an id belongs to a visitor of the shop, now or by an earlier
// version.
func IsVisitor(id int64) bool {
	return id >= FirstVisitor && id <= LastVisitor || isFormer(id)
}

func isFormer(id int64) bool { return id >= firstFormer && id <= lastFormer }

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

// IdentityCookie keeps an Identity in the browser. Its value ends by itself, whatever the
// browser does, and is renewed while it is used.
type IdentityCookie struct {
	cookie
	former cookie // of earlier versions: read, but never written
	now    func() time.Time
}

const (
	identityMaxAge = 400 * 24 * time.Hour // the most that browsers allow
	renewAfter     = 24 * time.Hour       // how old a cookie is when it is renewed
)

// NewIdentityCookie returns the cookie; secure is for shops served over HTTPS.
func NewIdentityCookie(keys Keys, secure bool) IdentityCookie {
	return IdentityCookie{newCookie(keys, "visitor", secure), newCookie(keys, "reader", secure), time.Now}
}

// encode returns v2.own.acting.expiry.signature; the expiry is in Unix seconds.
func (c IdentityCookie) encode(id Identity, expiry time.Time) string {
	body := fmt.Sprintf("v2.%d.%d.%d", id.Own, id.Acting, expiry.Unix())
	return body + "." + c.signer.text(body)
}

// decode returns the identity of a value that encode made, and its expiry; ok is false for
// any other value, and for one that has expired.
func (c IdentityCookie) decode(value string) (id Identity, expiry time.Time, ok bool) {
	body, signature := cutLast(value)
	parts := strings.Split(body, ".")
	if len(parts) != 4 || parts[0] != "v2" || !c.signer.verify(body, signature) {
		return Identity{}, time.Time{}, false
	}
	id, ok = parse(parts[1], parts[2])
	seconds, err := strconv.ParseInt(parts[3], 10, 64)
	expiry = time.Unix(seconds, 0)
	if !ok || err != nil || !IsVisitor(id.Own) || !c.now().Before(expiry) {
		return Identity{}, time.Time{}, false
	}
	return id, expiry, true
}

// decodeFormer returns the identity of a value v1.own.acting.signature.
func (c IdentityCookie) decodeFormer(value string) (id Identity, ok bool) {
	body, signature := cutLast(value)
	parts := strings.Split(body, ".")
	if len(parts) != 3 || parts[0] != "v1" || !c.former.signer.verify(body, signature) {
		return Identity{}, false
	}
	id, ok = parse(parts[1], parts[2])
	if !ok || !isFormer(id.Own) {
		return Identity{}, false
	}
	return id, true
}

// cutLast cuts at the last dot; without one, both parts are empty.
func cutLast(value string) (before, after string) {
	i := strings.LastIndexByte(value, '.')
	if i < 0 {
		return "", ""
	}
	return value[:i], value[i+1:]
}

func parse(own, acting string) (Identity, bool) {
	o, err1 := strconv.ParseInt(own, 10, 64)
	a, err2 := strconv.ParseInt(acting, 10, 64)
	return Identity{o, a}, err1 == nil && err2 == nil && a >= 0
}

// Read returns the identity of a request, and whether the cookie is due to be written
// again: it is a day old, signed with the previous key, or one of an earlier version, which
// stays in the browser for a shop that is rolled back. If a cookie is there twice, none
// counts: one of them is from another host of the domain, and nothing tells which.
func (c IdentityCookie) Read(r *http.Request) (id Identity, renew, ok bool) {
	switch values := r.CookiesNamed(c.name); len(values) {
	case 1:
		id, expiry, ok := c.decode(values[0].Value)
		stale := ok && (expiry.Sub(c.now()) < identityMaxAge-renewAfter || values[0].Value != c.encode(id, expiry))
		return id, stale, ok
	case 0:
	default:
		return Identity{}, false, false
	}
	if values := r.CookiesNamed(c.former.name); len(values) == 1 {
		id, ok := c.decodeFormer(values[0].Value)
		return id, ok, ok
	}
	return Identity{}, false, false
}

// Write sets the cookie.
func (c IdentityCookie) Write(w http.ResponseWriter, id Identity) {
	c.set(w, c.encode(id, c.now().Add(identityMaxAge)), int(identityMaxAge.Seconds()))
}

// Remove makes the browser delete the cookie, and that of an earlier version: it would be
// taken over again.
func (c IdentityCookie) Remove(w http.ResponseWriter) {
	c.cookie.Remove(w)
	c.former.Remove(w)
}
