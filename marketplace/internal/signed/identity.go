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

// Readers whose ids are texts have numbers of this range, which recommendations gives them.
// Nobody but recommendations may say who has which: a text of digits is no such number.
const (
	firstMapped = 1 << 51
	lastMapped  = 1<<52 - 1
)

// IsMapped reports whether an id is the number of a reader whose id is a text.
func IsMapped(id int64) bool { return id >= firstMapped && id <= lastMapped }

// Nobody is the id of all visitors without a cookie, whose shelf is that of somebody new.
// No browser has it, and nothing is stored for it.
const Nobody = LastVisitor

// Visitors of earlier versions have ids of this range, which is small enough to draw
// somebody else's id by chance. They keep them.
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
	Own        int64 // id made at the first write
	Generation int64 // of the reader with that id, as recommendations counts them
	Acting     int64 // the sample reader that the shop is shown as; 0 for none
}

// firstGeneration is that of a reader who was never forgotten.
const firstGeneration = 1

// NewIdentity returns an identity with a random id.
func NewIdentity() Identity { return identityOf(draw(FirstVisitor, Nobody-1)) }

// NewFormerIdentity returns an identity that earlier versions accept too.
func NewFormerIdentity() Identity { return identityOf(draw(firstFormer, lastFormer)) }

func identityOf(own int64) Identity { return Identity{Own: own, Generation: firstGeneration} }

// draw returns a random number from first to last.
func draw(first, last int64) int64 {
	n, _ := rand.Int(rand.Reader, big.NewInt(last-first+1)) // never fails, as rand.Reader does not
	return first + n.Int64()
}

// IdentityCookie keeps an Identity in the browser. Its value ends by itself, whatever the
// browser does, and is renewed while it is used.
//
// A visitor of an earlier version also keeps the cookie of that version, which decides
// who the visitor is: shops of both versions may serve side by side, and those of the
// earlier one change no other cookie.
type IdentityCookie struct {
	cookie
	former cookie
	tags   signer
	now    func() time.Time
}

const (
	identityMaxAge = 400 * 24 * time.Hour // the most that browsers allow
	renewAfter     = 24 * time.Hour       // how old a cookie is when it is renewed
)

// NewIdentityCookie returns the cookie; formerSecure is for shops whose earlier version knew
// that it was served over HTTPS, which named its cookie by it. That version was always at the
// root of its host, so its cookie stays there.
func NewIdentityCookie(keys Keys, scope Scope, formerSecure bool) IdentityCookie {
	former := newCookie(keys, "reader", Scope{Secure: formerSecure})
	return IdentityCookie{newCookie(keys, "visitor", scope), former, newSigner(keys, "reader of a page"), time.Now}
}

// encode returns v2.own.generation.acting.expiry.signature; the expiry is in Unix seconds.
func (c IdentityCookie) encode(id Identity, expiry time.Time) string {
	body := fmt.Sprintf("v2.%d.%d.%d.%d", id.Own, id.Generation, id.Acting, expiry.Unix())
	return body + "." + c.signer.text(body)
}

// decode returns the identity of a value that encode made, and its expiry; ok is false for
// any other value, and for one that has expired.
func (c IdentityCookie) decode(value string) (id Identity, expiry time.Time, ok bool) {
	body, signature := cutLast(value)
	parts := strings.Split(body, ".")
	if len(parts) != 5 || parts[0] != "v2" || !c.signer.verify(body, signature) {
		return Identity{}, time.Time{}, false
	}
	id, ok = parse(parts[1], parts[2], parts[3])
	seconds, err := strconv.ParseInt(parts[4], 10, 64)
	expiry = time.Unix(seconds, 0)
	if !ok || err != nil || !IsVisitor(id.Own) || id.Own == Nobody || !c.now().Before(expiry) {
		return Identity{}, time.Time{}, false
	}
	return id, expiry, true
}

// encodeFormer returns v1.own.acting.signature.
func (c IdentityCookie) encodeFormer(id Identity) string {
	body := fmt.Sprintf("v1.%d.%d", id.Own, id.Acting)
	return body + "." + c.former.signer.text(body)
}

// decodeFormer returns the identity of a value that encodeFormer made.
func (c IdentityCookie) decodeFormer(value string) (id Identity, ok bool) {
	body, signature := cutLast(value)
	parts := strings.Split(body, ".")
	if len(parts) != 3 || parts[0] != "v1" || !c.former.signer.verify(body, signature) {
		return Identity{}, false
	}
	id, ok = parse(parts[1], strconv.Itoa(firstGeneration), parts[2])
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

func parse(own, generation, acting string) (Identity, bool) {
	o, err1 := strconv.ParseInt(own, 10, 64)
	g, err2 := strconv.ParseInt(generation, 10, 64)
	a, err3 := strconv.ParseInt(acting, 10, 64)
	return Identity{o, g, a}, err1 == nil && err2 == nil && err3 == nil && g >= firstGeneration && a >= 0
}

// Read returns the identity of a request, and whether the cookies are due to be written
// again: they are a day old, signed with the previous key, or of an earlier version. If a
// cookie is there twice, none counts: one of them is from another host of the domain, and
// nothing tells which.
func (c IdentityCookie) Read(r *http.Request) (id Identity, renew, ok bool) {
	stale, beside := true, Identity{}
	switch values := r.CookiesNamed(c.name); len(values) {
	case 1:
		id, expiry, ok := c.decode(values[0].Value)
		stale = ok && (expiry.Sub(c.now()) < identityMaxAge-renewAfter || values[0].Value != c.encode(id, expiry))
		if !ok || !isFormer(id.Own) {
			return id, stale, ok
		}
		beside = id
	case 0:
	default:
		return Identity{}, false, false
	}
	values := r.CookiesNamed(c.former.name)
	if len(values) != 1 {
		return Identity{}, false, false
	}
	if id, ok = c.decodeFormer(values[0].Value); !ok {
		return Identity{}, false, false
	}
	return id, stale || id != beside || values[0].Value != c.encodeFormer(id), true
}

// Write sets the cookie, and that of an earlier version for a visitor of one.
func (c IdentityCookie) Write(w http.ResponseWriter, id Identity) {
	c.set(w, c.encode(id, c.now().Add(identityMaxAge)), int(identityMaxAge.Seconds()))
	if isFormer(id.Own) {
		c.former.set(w, c.encodeFormer(id), int(identityMaxAge.Seconds()))
	}
}

// Remove makes the browser delete the cookie, and that of an earlier version: it would be
// taken over again.
func (c IdentityCookie) Remove(w http.ResponseWriter) {
	c.cookie.Remove(w)
	c.former.Remove(w)
}

// Tag returns a text by which a page says for whom it was made, without saying who that is.
func (c IdentityCookie) Tag(id Identity) string { return c.tags.text(tagged(id)) }

// HasTag reports whether a tag is that of an identity.
func (c IdentityCookie) HasTag(id Identity, tag string) bool { return c.tags.verify(tagged(id), tag) }

func tagged(id Identity) string { return fmt.Sprintf("%d.%d", id.Own, id.Acting) }
