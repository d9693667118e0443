package signed

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func testCookie() IdentityCookie {
	return NewIdentityCookie(bytes.Repeat([]byte{7}, MinKey), false)
}

func TestNewIdentity(t *testing.T) {
	seen := map[int64]bool{}
	for range 1000 {
		id := NewIdentity()
		if id.Own < 2_000_000_000 || id.Own > 2_147_483_647 || id.Acting != 0 {
			t.Fatalf("%+v", id)
		}
		seen[id.Own] = true
	}
	if len(seen) < 990 {
		t.Errorf("%d different ids of 1000", len(seen))
	}
}

func TestCookieComesBack(t *testing.T) {
	c := testCookie()
	for _, want := range []Identity{{FirstVisitor, 0}, {LastVisitor, 1}, {2_100_000_000, 1<<63 - 1}} {
		if got, ok := c.decode(c.encode(want)); !ok || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, ok)
		}
	}
}

func TestCookieForged(t *testing.T) {
	c := testCookie()
	good := c.encode(Identity{2_000_000_001, 0})
	signed := func(body string) string {
		return body + "." + base64.RawURLEncoding.EncodeToString(c.signer.sign([]byte(body)))
	}
	otherKey := NewIdentityCookie(make([]byte, MinKey), false)
	otherPurpose := newSigner(bytes.Repeat([]byte{7}, MinKey), "page token")
	body := "v1.2000000001.0"
	for name, value := range map[string]string{
		"empty":            "",
		"no signature":     body,
		"empty signature":  body + ".",
		"another reader":   strings.Replace(good, "2000000001", "2000000002", 1),
		"acting":           strings.Replace(good, ".0.", ".7.", 1),
		"another key":      otherKey.encode(Identity{2_000_000_001, 0}),
		"another purpose":  body + "." + base64.RawURLEncoding.EncodeToString(otherPurpose.sign([]byte(body))),
		"the bare key":     body + "." + base64.RawURLEncoding.EncodeToString(signer{bytes.Repeat([]byte{7}, MinKey)}.sign([]byte(body))),
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
			t.Errorf("%s: %q is read as %+v", name, value, id)
		}
	}
}

func FuzzCookie(f *testing.F) {
	c := testCookie()
	f.Add(c.encode(Identity{2_000_000_001, 7}))
	f.Add("v1.2000000001.0.")
	f.Add("....")
	f.Fuzz(func(t *testing.T, value string) {
		if id, ok := c.decode(value); ok && c.encode(id) != value {
			t.Errorf("%q is read as %+v", value, id)
		}
	})
}
