package web

import (
	"strings"
	"testing"

	"bookstall/marketplace/internal/edge"
)

// at makes the shop know its public URL.
func at(t *testing.T, publicURL string) func(*Config) {
	t.Helper()
	u, err := edge.ParseURL(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	e, err := edge.New(edge.Config{PublicURL: u, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Edge, c.SecureCookie = e, u.Secure() }
}

// A page whose own name was made to resolve to the shop's address gets nothing.
func TestRequestsForAnotherHostAreRefused(t *testing.T) {
	s := newTestShop(t, fewBooks(), at(t, "https://shop.example"))
	for _, path := range []string{"/", "/books/1", "/api/v1/books", "/api/none", "/static/none", "/shelf/events"} {
		if a := s.get(path, "Host", "evil.example:8080").want(t, 421, "evil.example:8080", "--public-url"); a.Header.Get("Set-Cookie") != "" || strings.Contains(a.body, "Hobbit") {
			t.Errorf("%s: the refusal has a cookie or books:\n%s", path, a.body)
		}
	}
	for _, path := range []string{"/", "/books/1", "/api/v1/books"} {
		s.get(path, "Host", "localhost").want(t, 200)
	}
	s.get("/books/1", "Host", "SHOP.example").want(t, 200)
	s.do("POST", "/interactions", "book=1&do=like", "Host", "evil.example", "Origin", "http://evil.example", "Content-Type", formType).want(t, 421)
	if lines := s.log.with("request for another host refused"); len(lines) != 7 || !strings.Contains(lines[0], `"host":"evil.example:8080"`) {
		t.Errorf("logged %q, want 7 lines with the host", lines)
	}
}

// A refused form tells its reader, and the log its operator, which two origins differ.
func TestARefusedOriginIsNamed(t *testing.T) {
	s := newTestShop(t, fewBooks())
	form := []string{"Content-Type", formType, "Host", "shop", "Origin", "http://127.0.0.1:8081"}
	s.do("POST", "/interactions", "book=1&do=like", form...).want(t, 403, "“http://127.0.0.1:8081”", "“shop”", "--public-url")
	lines := s.log.with("request of another origin refused")
	if len(lines) != 1 || !strings.Contains(lines[0], `"origin":"http://127.0.0.1:8081"`) || !strings.Contains(lines[0], `"shop":"shop"`) {
		t.Errorf("logged %q, want one line with both origins", lines)
	}
	s.do("POST", "/interactions", "book=1", "Content-Type", formType, "Origin", "http://<i>\u202e").want(t, 403, "&lt;i&gt;")
	s.do("POST", "/api/v1/interactions", "{}", "Content-Type", "application/json", "Origin", "http://evil.example").want(t, 403, "“http://evil.example”")
}

func TestHSTS(t *testing.T) {
	s := newTestShop(t, fewBooks(), at(t, "https://shop.example"))
	for _, path := range []string{"/", "/none", "/api/v1/books/1", "/static/none", "/books/1/cover.svg"} {
		if got := s.get(path, "Host", "shop.example").Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// No answer leads to another host.
func TestNothingLeadsToAnotherHost(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, address := range []string{"//evil.example/", "//evil.example/x/..", "/..//evil.example/", "//evil.example"} {
		if a := s.get(address).want(t, 404); a.Header.Get("Location") != "" {
			t.Errorf("%s: leads to %s", address, a.Header.Get("Location"))
		}
	}
}
