package signed

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, MinKey) }

func testCookie() IdentityCookie { return testCookieOf(7) }

func testCookieOf(b byte) IdentityCookie { return NewIdentityCookie(Keys{testKey(b)}, Scope{}, false) }

// acting returns an identity that was never forgotten.
func acting(own, sample int64) Identity { return Identity{own, firstGeneration, sample} }

func request(cookies ...string) *http.Request {
	return &http.Request{Header: http.Header{"Cookie": {strings.Join(cookies, "; ")}}}
}

func TestNewIdentity(t *testing.T) {
	seen := map[int64]bool{}
	for range 1000 {
		id := NewIdentity()
		if id.Own < 1<<52 || id.Own >= Nobody || id.Acting != 0 || int64(float64(id.Own)) != id.Own {
			t.Fatalf("%+v", id)
		}
		seen[id.Own] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different ids of 1000", len(seen))
	}
}

func TestCookieComesBack(t *testing.T) {
	c := testCookie()
	for _, want := range []Identity{acting(FirstVisitor, 0), acting(Nobody-1, 1), acting(firstFormer, 2), acting(lastFormer, 3), acting(FirstVisitor+1, 1<<63-1), {FirstVisitor, 1 << 31, 0}} {
		rec := httptest.NewRecorder()
		c.Write(rec, want)
		var cookies []string
		for _, set := range rec.Result().Cookies() {
			cookies = append(cookies, set.Name+"="+set.Value)
		}
		if got, renew, ok := c.Read(request(cookies...)); !ok || renew || got != want {
			t.Errorf("%+v came back as %+v, renew %t, %t", want, got, renew, ok)
		}
	}
}

func TestCookieForged(t *testing.T) {
	c := testCookie()
	const own = FirstVisitor + 1
	later := time.Now().Add(time.Hour)
	good := c.encode(acting(own, 0), later)
	signed := func(body string) string { return body + "." + c.signer.text(body) }
	body := fmt.Sprintf("v2.%d.1.0.%d", int64(own), later.Unix())
	if value := signed(body); value != good {
		t.Fatalf("%q, want %q", value, good)
	}
	for name, value := range map[string]string{
		"empty":            "",
		"no signature":     body,
		"empty signature":  body + ".",
		"another reader":   strings.Replace(good, fmt.Sprint(int64(own)), fmt.Sprint(int64(own+1)), 1),
		"acting":           strings.Replace(good, ".0.", ".7.", 1),
		"generation":       strings.Replace(good, ".1.", ".2.", 1),
		"generation 0":     c.encode(Identity{Own: own}, later),
		"later":            strings.Replace(good, fmt.Sprint(later.Unix()), fmt.Sprint(later.Unix()+1), 1),
		"another key":      NewIdentityCookie(Keys{testKey(8)}, Scope{}, false).encode(acting(own, 0), later),
		"another purpose":  body + "." + newSigner(Keys{testKey(7)}, "page token").text(body),
		"the former's key": body + "." + c.former.signer.text(body),
		"the bare key":     body + "." + signer{Keys{testKey(7)}}.text(body),
		"cut signature":    good[:len(good)-2],
		"longer signature": good + "AA",
		"another version":  signed("v3" + body[2:]),
		"expired":          c.encode(acting(own, 0), time.Now().Add(-time.Second)),
		"imported id":      c.encode(acting(42, 0), later),
		"nobody":           c.encode(acting(Nobody, 0), later),
		"id above 2^53":    c.encode(acting(LastVisitor+1, 0), later),
		"acting below 0":   c.encode(acting(own, -1), later),
		"more parts":       signed(body + ".0"),
		"no number":        signed(fmt.Sprintf("v2.x.1.0.%d", later.Unix())),
		"huge number":      signed(fmt.Sprintf("v2.%d.1.99999999999999999999.%d", int64(own), later.Unix())),
	} {
		if id, _, ok := c.Read(request("visitor=" + value)); ok {
			t.Errorf("%s: %q is read as %+v", name, value, id)
		}
	}
}

// A cookie that is there twice counts for nothing: nothing tells which is the shop's.
func TestTwoCookiesOfOneName(t *testing.T) {
	c := testCookie()
	one := "visitor=" + c.encode(NewIdentity(), time.Now().Add(time.Hour))
	two := "visitor=" + c.encode(NewIdentity(), time.Now().Add(time.Hour))
	former := "reader=" + c.encodeFormer(identityOf(firstFormer))
	for _, cookies := range [][]string{{one, two}, {one, "visitor=forged"}, {"visitor=forged", one}, {one, one}, {former, former}, {one, two, former}} {
		if id, _, ok := c.Read(request(cookies...)); ok {
			t.Errorf("%q are read as %+v", cookies, id)
		}
	}
}

// A visitor of an earlier version stays the same reader, for shops of both versions.
func TestAFormerCookieIsTakenOver(t *testing.T) {
	c := testCookie()
	want := acting(firstFormer+5, 7)
	// As the version before wrote it, with this key.
	const value = "v1.2000000005.7."
	if got := c.encodeFormer(want); !strings.HasPrefix(got, value) {
		t.Fatalf("%q, want %q first", got, value)
	}
	if id, renew, ok := c.Read(request("reader=" + c.encodeFormer(want))); !ok || !renew || id != want {
		t.Errorf("read as %+v, renew %t, %t; want %+v to be renewed", id, renew, ok, want)
	}
	rec := httptest.NewRecorder()
	c.Write(rec, want)
	if set := rec.Result().Cookies(); len(set) != 2 || set[1].Name != "reader" || set[1].Value != c.encodeFormer(want) {
		t.Errorf("taken over by the cookies %v", set)
	}
	later := time.Now().Add(identityMaxAge)
	visitor := "visitor=" + c.encode(want, later)
	for _, former := range []Identity{acting(want.Own, 0), acting(want.Own+1, 7)} { // another sample reader was chosen, or the reader forgotten
		if id, renew, ok := c.Read(request(visitor, "reader="+c.encodeFormer(former))); !ok || !renew || id != former {
			t.Errorf("changed by a shop of the version before: read as %+v, renew %t, %t; want %+v", id, renew, ok, former)
		}
	}
	if id, _, ok := c.Read(request(visitor)); ok {
		t.Errorf("forgotten by a shop of the version before: read as %+v", id)
	}
	own := identityOf(FirstVisitor)
	if id, _, ok := c.Read(request("reader="+c.encodeFormer(want), "visitor="+c.encode(own, time.Now().Add(time.Hour)))); !ok || id != own {
		t.Errorf("beside a present cookie: read as %+v, %t; want %+v", id, ok, own)
	}
	for _, bad := range []Identity{acting(FirstVisitor, 0), acting(42, 0), acting(lastFormer+1, 0)} {
		if id, _, ok := c.Read(request("reader=" + c.encodeFormer(bad))); ok {
			t.Errorf("%+v is taken over as %+v", bad, id)
		}
	}
}

// A shop that learns only now that it is served over HTTPS keeps the readers of the version
// before, whose cookie was not named for that.
func TestAFormerCookieOverHTTPS(t *testing.T) {
	want := acting(firstFormer, 0)
	for name, formerSecure := range map[string]bool{"reader": false, "__Host-reader": true} {
		c := NewIdentityCookie(Keys{testKey(7)}, Scope{Secure: true}, formerSecure)
		if id, renew, ok := c.Read(request(name + "=" + c.encodeFormer(want))); !ok || !renew || id != want {
			t.Errorf("%s: read as %+v, renew %t, %t", name, id, renew, ok)
		}
		rec := httptest.NewRecorder()
		c.Write(rec, want)
		set := rec.Result().Cookies()
		if len(set) != 2 || set[0].Name != "__Host-visitor" || !set[0].Secure || set[1].Name != name || set[1].Secure != formerSecure {
			t.Errorf("%s: taken over by the cookies %v", name, set)
		}
	}
}

func TestCookieIsRenewedWhileItIsUsed(t *testing.T) {
	c := testCookie()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	id := NewIdentity()
	value := c.encode(id, now.Add(identityMaxAge))
	for _, step := range []struct {
		after     time.Duration
		renew, ok bool
	}{{renewAfter, false, true}, {renewAfter + time.Second, true, true}, {identityMaxAge - time.Second, true, true}, {identityMaxAge, false, false}} {
		c.now = func() time.Time { return now.Add(step.after) }
		if _, renew, ok := c.Read(request("visitor=" + value)); renew != step.renew || ok != step.ok {
			t.Errorf("after %v: renew %t, valid %t; want %t, %t", step.after, renew, ok, step.renew, step.ok)
		}
	}
}

// After a change of the key, old cookies stay valid and are signed anew; once the previous
// key is gone, they are not.
func TestTheKeyChanges(t *testing.T) {
	id := NewIdentity()
	value := "visitor=" + testCookie().encode(id, time.Now().Add(identityMaxAge))
	for name, test := range map[string]struct {
		keys      Keys
		renew, ok bool
	}{
		"the same key":     {Keys{testKey(7)}, false, true},
		"now the previous": {Keys{testKey(8), testKey(7)}, true, true},
		"gone":             {Keys{testKey(9), testKey(8)}, false, false},
	} {
		if got, renew, ok := NewIdentityCookie(test.keys, Scope{}, false).Read(request(value)); ok != test.ok || renew != test.renew || ok && got != id {
			t.Errorf("%s: %+v, renew %t, valid %t; want %t, %t", name, got, renew, ok, test.renew, test.ok)
		}
	}
}

func FuzzCookie(f *testing.F) {
	c := testCookie()
	f.Add(c.encode(acting(FirstVisitor, 7), time.Now().Add(time.Hour)))
	f.Add("v2.4503599627370496.1.0.9999999999.")
	f.Add(".....")
	f.Fuzz(func(t *testing.T, value string) {
		if id, expiry, ok := c.decode(value); ok && c.encode(id, expiry) != value {
			t.Errorf("%q is read as %+v", value, id)
		}
	})
}

// A page's tag is that of one identity, and does not show whose it is.
func TestTag(t *testing.T) {
	c, id := testCookie(), NewIdentity()
	tag := c.Tag(id)
	if !c.HasTag(id, tag) || !NewIdentityCookie(Keys{testKey(8), testKey(7)}, Scope{}, false).HasTag(id, tag) {
		t.Errorf("%q is not the tag of %+v", tag, id)
	}
	for _, other := range []Identity{acting(id.Own, 7), acting(id.Own+1, 0)} {
		if c.HasTag(other, tag) {
			t.Errorf("%q is the tag of %+v too", tag, other)
		}
	}
	if c.HasTag(id, "") || strings.Contains(tag, fmt.Sprint(id.Own)) || tag == testCookieOf(8).Tag(id) {
		t.Errorf("tag %q of %+v", tag, id)
	}
}
