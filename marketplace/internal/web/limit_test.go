package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/limit"
)

// stopClock makes limits count everything that a test does as if it were done at once.
func stopClock(c *Config) { c.now = func() time.Time { return time.Unix(1_000_000, 0) } }

// behindProxy makes a shop believe what its clients, which are on this host, forward. One
// address may make 10 requests, 2 writes, and have 2 streams at once.
func behindProxy(t *testing.T) func(*Config) {
	t.Helper()
	proxies, err := edge.ParseProxies([]string{"127.0.0.1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := edge.New(edge.Config{Proxies: proxies})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) {
		stopClock(c)
		c.Edge, c.ByAddress = e, limit.Rates{RequestsPerSecond: 1, RequestsAtOnce: 10, WritesPerSecond: 1, WritesAtOnce: 2, StreamsAtATime: 2}
	}
}

// limited sends a request n times and returns how many are answered with 429.
func (s *testShop) limited(n int, method, path string, headers ...string) (count int) {
	s.t.Helper()
	for range n {
		if a := s.do(method, path, "", headers...); a.StatusCode == http.StatusTooManyRequests {
			count++
			if got := a.Header.Get("Retry-After"); got != "1" {
				s.t.Errorf("%s %s: Retry-After %q, want 1", method, path, got)
			}
		}
	}
	return count
}

// wantLimited checks how often something was refused.
func (s *testShop) wantLimited(want int, by, kind string) {
	s.t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "http_server_limited_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == by && m.GetLabel()[1].GetValue() == kind {
				if got := m.GetCounter().GetValue(); got != float64(want) {
					s.t.Errorf("counted %v refusals by %s of %s, want %d", got, by, kind, want)
				}
				return
			}
		}
	}
	s.t.Errorf("no counter by %s of %s", by, kind)
}

func TestOneAddressIsLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), behindProxy(t))
	const from = "X-Forwarded-For"
	for name, test := range map[string]struct {
		method, path, address string
		want                  int // of 15
	}{
		"pages":                      {"GET", "/books/1", "203.0.113.1", 5},
		"the API":                    {"GET", "/api/v1/books/1", "203.0.113.2", 5},
		"what is not there":          {"GET", "/none", "203.0.113.3", 5},
		"writes":                     {"POST", "/interactions", "203.0.113.4", 13},
		"writes by the API":          {"DELETE", "/api/v1/readers/1", "203.0.113.5", 13},
		"static files":               {"GET", "/static/none", "203.0.113.6", 0},
		"forged addresses before it": {"GET", "/books/1", "198.51.100.9, 203.0.113.7", 5},
		"the proxy itself":           {"GET", "/books/1", "", 0},
	} {
		if got := s.limited(15, test.method, test.path, from, test.address); got != test.want {
			t.Errorf("%s: %d of 15 are refused, want %d", name, got, test.want)
		}
	}
	// A forged address in front does not make a client another one, nor an honest one limited.
	if got := s.limited(3, "GET", "/books/1", from, "192.0.2.77, 203.0.113.1"); got != 3 {
		t.Errorf("%d of 3 are refused when a client who has done too much forges an address, want 3", got)
	}
	s.get("/books/1", from, "198.51.100.9").want(t, 200)
	// One subscriber has a /64.
	refused := 0
	for i := range 15 {
		refused += s.limited(1, "GET", "/books/1", from, fmt.Sprintf("2001:db8:0:1::%x", i))
	}
	if refused != 5 {
		t.Errorf("%d of 15 of one /64 are refused, want 5", refused)
	}
	s.get("/books/1", from, "2001:db8:0:2::1").want(t, 200)
	s.wantLimited(6*5+3+5, "address", "requests")
	s.wantLimited(2*8, "address", "writes")
}

func TestLiveShelvesOfOneAddressAreLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), behindProxy(t), func(c *Config) { c.MaxStreams, c.ByAddress.RequestsAtOnce = 10, 100_000 })
	s.own()
	first, second := s.follow("/shelf/events", "X-Forwarded-For", "203.0.113.1"), s.follow("/shelf/events", "X-Forwarded-For", "203.0.113.1")
	s.get("/shelf/events", "X-Forwarded-For", "203.0.113.1").want(t, http.StatusTooManyRequests)
	other := s.follow("/shelf/events", "X-Forwarded-For", "203.0.113.2")
	if first.StatusCode != http.StatusOK || second.StatusCode != http.StatusOK || other.StatusCode != http.StatusOK {
		t.Errorf("two of one address and one of another: %d, %d, %d, want 200", first.StatusCode, second.StatusCode, other.StatusCode)
	}
	first.leave()
	wait(t, "a place is free", func() bool {
		e := s.follow("/shelf/events", "X-Forwarded-For", "203.0.113.1")
		defer e.leave()
		return e.StatusCode == http.StatusOK
	})
	second.leave()
	other.leave()
}

// Peers that may be a proxy, by which all readers come, are never limited, and what they
// forward changes nothing unless they are believed.
func TestOnlyPublicPeersAreLimited(t *testing.T) {
	s := newQuietShop(t, fewBooks(), stopClock, func(c *Config) { c.ByAddress = limit.Rates{RequestsPerSecond: 1, RequestsAtOnce: 10} })
	for peer, want := range map[string]int{
		"127.0.0.1:1": 0, "[::1]:1": 0, "10.1.2.3:1": 0, "172.16.0.1:1": 0, "192.168.1.1:1": 0, "169.254.1.1:1": 0, "100.64.0.1:1": 0,
		"[fe80::1%eth0]:1": 0, "[fd00::1]:1": 0, "[::ffff:10.1.2.3]:1": 0, "@": 0,
		"203.0.113.1:1": 5, "[2001:db8::1]:1": 5, "[::ffff:203.0.113.2]:1": 5,
	} {
		refused := 0
		for i := range 15 {
			r := httptest.NewRequest(http.MethodGet, "/books/1", http.NoBody)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
			rec := httptest.NewRecorder()
			s.handler.ServeHTTP(rec, r)
			if rec.Code == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused != want {
			t.Errorf("%s: %d of 15 are refused, want %d", peer, refused, want)
		}
	}
}

func TestOneTokenIsLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), stopClock, requireToken, func(c *Config) {
		c.ByToken = limit.Rates{RequestsPerSecond: 1, RequestsAtOnce: 10, WritesPerSecond: 1, WritesAtOnce: 2}
	})
	token := []string{"Authorization", "Bearer the-token"}
	if got := s.limited(5, "DELETE", "/api/v1/readers/1", token...); got != 3 {
		t.Errorf("%d of 5 writes are refused, want 3", got)
	}
	if got := s.limited(10, "GET", "/api/v1/books/1", token...); got != 5 {
		t.Errorf("%d of 10 requests after that are refused, want 5", got)
	}
	s.wantLimited(3, "token", "writes")
	s.wantLimited(5, "token", "requests")
	s.get("/api/v1/books/1").want(t, http.StatusUnauthorized) // costs no token anything
	s.get("/books/1").want(t, http.StatusOK)
	open := newTestShop(t, fewBooks(), stopClock, func(c *Config) {
		c.API, c.ByToken = gate(t, apitoken.Config{Open: true}), limit.Of(1)
	})
	if got := open.limited(10, "GET", "/api/v1/books/1"); got != 0 {
		t.Errorf("%d of 10 are refused without a token", got)
	}
}

func TestOneReadersRequestsAreLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), stopClock)
	s.own()
	refused := s.limited(320, "GET", "/books/1")
	if refused < 20 || refused > 25 {
		t.Errorf("%d of 320 are refused, want 20 and those for the requests before", refused)
	}
	s.wantLimited(refused, "reader", "requests")
	s.get("/books/1", "Cookie", "").want(t, http.StatusTooManyRequests)
	if a := newTestShop(t, fewBooks(), stopClock).limited(320, "GET", "/books/1"); a != 0 {
		t.Errorf("%d of 320 are refused of a browser without a cookie", a)
	}
	if !strings.Contains(s.get("/books/1").body, "That was a lot at once") {
		t.Error("the page does not say why")
	}
}
