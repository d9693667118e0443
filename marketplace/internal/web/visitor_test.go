package web

import (
	"net/http"
	"strings"
	"testing"
)

// A visitor keeps the id; one with an invalid cookie silently gets a new one.
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
	for _, part := range []string{"visitor=v2.", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=34560000"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("no %q in cookie %q", part, cookie)
		}
	}
	for _, forged := range []string{"reader=v1.42.0.AAAA", "visitor=v2.42.0.9999999999.AAAA", "visitor=", "visitor=\"", "=;;;visitor", "visitor=" + strings.Repeat("A", 9000)} {
		bare := newTestShop(t, fewBooks())
		bare.client.Jar = nil
		answer := bare.get("/", "Cookie", forged).want(t, 200)
		if id, _, _ := bare.recommender.asked(); !strings.HasPrefix(answer.Header.Get("Set-Cookie"), "visitor=v2.") || id == 42 {
			t.Errorf("Cookie %.20q: reader %d, new cookie %q", forged, id, answer.Header.Get("Set-Cookie"))
		}
	}
	// Of several cookies none counts: one is from another host of the domain.
	good, _, _ := strings.Cut(cookie, ";")
	other := newTestShop(t, fewBooks())
	other.client.Jar = nil
	other.get("/", "Cookie", "visitor=forged; "+good).want(t, 200)
	if id, _, _ := other.recommender.asked(); id == id1 {
		t.Errorf("a cookie that is there twice makes the visitor reader %d", id)
	}
}

func TestSecureCookie(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.SecureCookie = true })
	cookie := s.get("/").Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-visitor=v2.") || !strings.Contains(cookie, "; Secure") {
		t.Errorf("cookie %q", cookie)
	}
	parsed, err := http.ParseSetCookie(cookie)
	if err != nil || parsed.Domain != "" || parsed.Path != "/" {
		t.Errorf("%v: browsers refuse the name with %q", err, cookie)
	}
}
