package web

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func testCookie() identityCookie {
	return newIdentityCookie(bytes.Repeat([]byte{7}, minCookieKey), false)
}

func TestNewIdentity(t *testing.T) {
	seen := map[int64]bool{}
	for range 1000 {
		id, err := newIdentity()
		if err != nil || id.own < 2_000_000_000 || id.own > 2_147_483_647 || id.acting != 0 {
			t.Fatalf("%+v, %v", id, err)
		}
		seen[id.own] = true
	}
	if len(seen) < 990 {
		t.Errorf("%d different ids of 1000", len(seen))
	}
}

func TestCookieComesBack(t *testing.T) {
	c := testCookie()
	for _, want := range []identity{{firstAnonymous, 0}, {lastAnonymous, 1}, {2_100_000_000, 1<<63 - 1}} {
		if got, ok := c.decode(c.encode(want)); !ok || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, ok)
		}
	}
}

func TestCookieForged(t *testing.T) {
	c := testCookie()
	good := c.encode(identity{2_000_000_001, 0})
	signed := func(body string) string {
		return body + "." + base64.RawURLEncoding.EncodeToString(c.signer.sign([]byte(body)))
	}
	otherKey := newIdentityCookie(make([]byte, minCookieKey), false)
	otherPurpose := newSigner(bytes.Repeat([]byte{7}, minCookieKey), "page token")
	body := "v1.2000000001.0"
	for name, value := range map[string]string{
		"empty":            "",
		"no signature":     body,
		"empty signature":  body + ".",
		"another reader":   strings.Replace(good, "2000000001", "2000000002", 1),
		"acting":           strings.Replace(good, ".0.", ".7.", 1),
		"another key":      otherKey.encode(identity{2_000_000_001, 0}),
		"another purpose":  body + "." + base64.RawURLEncoding.EncodeToString(otherPurpose.sign([]byte(body))),
		"the bare key":     body + "." + base64.RawURLEncoding.EncodeToString(signer{bytes.Repeat([]byte{7}, minCookieKey)}.sign([]byte(body))),
		"cut signature":    good[:len(good)-2],
		"longer signature": good + "AA",
		"another version":  signed("v2.2000000001.0"),
		"imported id":      signed("v1.42.0"),
		"id above int32":   signed("v1.2147483648.0"),
		"acting below 0":   signed("v1.2000000001.-1"),
		"more parts":       signed("v1.2000000001.0.0"),
		"no number":        signed("v1.x.0"),
		"huge number":      signed("v1.2000000001.99999999999999999999"),
	} {
		if id, ok := c.decode(value); ok {
			t.Errorf("%s: %q is taken for %+v", name, value, id)
		}
	}
}

func FuzzCookie(f *testing.F) {
	c := testCookie()
	f.Add(c.encode(identity{2_000_000_001, 7}))
	f.Add("v1.2000000001.0.")
	f.Add("....")
	f.Fuzz(func(t *testing.T, value string) {
		if id, ok := c.decode(value); ok && c.encode(id) != value {
			t.Errorf("%q is taken for %+v", value, id)
		}
	})
}

// A visitor keeps the id; one who brings a bad cookie silently gets a new one.
func TestVisitor(t *testing.T) {
	s := newTestShop(t, fewBooks())
	first := s.get("/")
	id1, _, _ := s.recommender.asked()
	again := s.get("/")
	id2, _, _ := s.recommender.asked()
	if id1 != id2 || again.Header.Get("Set-Cookie") != "" {
		t.Errorf("reader %d is %d at the second visit, cookie %q", id1, id2, again.Header.Get("Set-Cookie"))
	}
	cookie := first.Header.Get("Set-Cookie")
	for _, part := range []string{"reader=v1.", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=34560000"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("no %q in cookie %q", part, cookie)
		}
	}
	for _, forged := range []string{"reader=v1.42.0.AAAA", "reader=", "reader=\"", "=;;;reader", "reader=" + strings.Repeat("A", 9000)} {
		bare := newTestShop(t, fewBooks())
		bare.client.Jar = nil
		answer := bare.get("/", "Cookie", forged).want(t, 200)
		if id, _, _ := bare.recommender.asked(); !strings.HasPrefix(answer.Header.Get("Set-Cookie"), "reader=v1.") || id == 42 {
			t.Errorf("Cookie %.20q: reader %d, new cookie %q", forged, id, answer.Header.Get("Set-Cookie"))
		}
	}
	// Of several cookies the one that we made counts.
	good, _, _ := strings.Cut(cookie, ";")
	other := newTestShop(t, fewBooks())
	other.client.Jar = nil
	if answer := other.get("/", "Cookie", "reader=forged; "+good); answer.Header.Get("Set-Cookie") != "" {
		t.Error("a good cookie behind a forged one is not seen")
	}
}

func TestSecureCookie(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.SecureCookie = true })
	cookie := s.get("/").Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-reader=v1.") || !strings.Contains(cookie, "; Secure") {
		t.Errorf("cookie %q", cookie)
	}
	parsed, err := http.ParseSetCookie(cookie)
	if err != nil || parsed.Domain != "" || parsed.Path != "/" {
		t.Errorf("%v: browsers refuse the name with %q", err, cookie)
	}
}
