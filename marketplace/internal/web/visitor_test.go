package web

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"bookstall/marketplace/internal/signed"
)

// A visitor who only looks has no cookie and no id.
func TestAVisitorWithoutACookie(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/", "/books", "/books/1", "/categories/classics", "/search?q=jane", "/your-books", "/shelf/events", "/nothing"} {
		if answer := s.get(path); len(answer.Cookies()) != 0 {
			t.Errorf("%s: cookies %v", path, answer.Cookies())
		}
	}
	if id, _, _ := s.recommender.asked(); id != signed.Nobody || s.recommender.asks != 0 {
		t.Errorf("the shelf is that of reader %d, with %d calls of History", id, s.recommender.asks)
	}
	s.get("/your-books").want(t, 200, "Nothing yet", "There is nothing to forget").without(t, "Yes, delete all of it")
	s.get("/").want(t, 200, `<body data-reader="nobody">`)
	// Who is nobody can be forgotten, as by a double click.
	answer := s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, http.StatusSeeOther)
	if answer.Header.Get("Location") != "/your-books?forgotten=yes" || len(s.recommender.histories) != 0 {
		t.Errorf("leads to %q", answer.Header.Get("Location"))
	}
	// Yourself is whom a visitor without a cookie is already.
	if answer := s.switchTo("self", "/books").want(t, http.StatusSeeOther); len(answer.Cookies()) != 0 || answer.Header.Get("Location") != "/books" {
		t.Errorf("leads to %q with %v", answer.Header.Get("Location"), answer.Cookies())
	}
}

// The first form brings the cookie and is sent again with it. A browser that keeps no
// cookies has stored nothing, and its reader is told.
func TestTheFirstWrite(t *testing.T) {
	for name, first := range map[string]func(*testShop) answer{
		"a like":            func(s *testShop) answer { return s.act("5", "like") },
		"a like by script":  func(s *testShop) answer { return s.act("5", "like", "Accept", "application/json") },
		"a sample reader":   func(s *testShop) answer { return s.switchTo("7", "/books") },
		"a like, forged":    func(s *testShop) answer { return s.act("5", "like", "Cookie", "visitor=forged") },
		"a like, of before": func(s *testShop) answer { return s.act("5", "like", "Cookie", "reader=v1.2000000005.0.forged") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestShop(t, fewBooks())
			asked := first(s).want(t, http.StatusTemporaryRedirect)
			if len(asked.Cookies()) != 1 || len(s.recommender.stored) != 0 {
				t.Fatalf("cookies %v, stored %v", asked.Cookies(), s.recommender.stored)
			}
			follow := *s.client
			follow.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
				if r.Method != http.MethodPost {
					return http.ErrUseLastResponse
				}
				return nil
			}
			follow.Jar, _ = cookiejar.New(nil)
			s.client = &follow
			if done := first(s); done.StatusCode >= 400 || done.Request.URL.RawQuery != "again=yes" {
				t.Errorf("%s: status %d\n%.300s", done.Request.URL, done.StatusCode, done.body)
			}
			own := s.own()
			if likes := len(s.recommender.history(own)); own < signed.FirstVisitor && own != 7 || strings.HasPrefix(name, "a like") && likes != 1 {
				t.Errorf("reader %d with %d likes", own, likes)
			}

			follow.Jar = nil
			stored := len(s.recommender.stored)
			refused := first(s).want(t, http.StatusForbidden, "Your browser keeps no cookie of ours")
			if len(refused.Cookies()) != 1 || len(s.recommender.stored) != stored {
				t.Errorf("without cookies: cookies %v, %d stored", refused.Cookies(), len(s.recommender.stored)-stored)
			}
		})
	}
}

// A form of another site, which browsers send without cookies, changes no identity.
func TestAFormOfAnotherSiteMakesNobodyKnown(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.test"}, {"Origin", "null"}} {
		if answer := s.act("1", "like", headers...).want(t, http.StatusForbidden); len(answer.Cookies()) != 0 {
			t.Errorf("%v: cookies %v", headers, answer.Cookies())
		}
	}
}

// A visitor keeps the id; one with an invalid cookie is nobody.
func TestVisitor(t *testing.T) {
	s := newTestShop(t, fewBooks())
	first := s.act("1", "like")
	s.get("/")
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
		if id, _, _ := bare.recommender.asked(); id != signed.Nobody || len(answer.Cookies()) != 0 {
			t.Errorf("Cookie %.20q: reader %d, new cookie %q", forged, id, answer.Header.Get("Set-Cookie"))
		}
	}
	// Of several cookies none counts: one is from another host of the domain.
	good, _, _ := strings.Cut(cookie, ";")
	other := newTestShop(t, fewBooks())
	other.client.Jar = nil
	other.get("/", "Cookie", "visitor=forged; "+good).want(t, 200)
	if id, _, _ := other.recommender.asked(); id != signed.Nobody {
		t.Errorf("a cookie that is there twice makes the visitor reader %d", id)
	}
}

func TestSecureCookie(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.SecureCookie = true })
	cookie := s.act("1", "like").Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-visitor=v2.") || !strings.Contains(cookie, "; Secure") {
		t.Errorf("cookie %q", cookie)
	}
	parsed, err := http.ParseSetCookie(cookie)
	if err != nil || parsed.Domain != "" || parsed.Path != "/" {
		t.Errorf("%v: browsers refuse the name with %q", err, cookie)
	}
}
