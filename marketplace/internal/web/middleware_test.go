package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/web/request"
)

func TestRequestID(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/", "/none", "/api/v1/books/1", "/api/none", "/static/none", "/books/1/cover.svg"} {
		if got := s.get(path, "X-Request-ID", "caller-id_1.2").Header.Get("X-Request-ID"); got != "caller-id_1.2" {
			t.Errorf("%s: the caller's id comes back as %q", path, got)
		}
		for _, bad := range []string{"", "short", strings.Repeat("a", 129), "with space", "<script>", "ümlaut-id"} {
			if got := s.get(path, "X-Request-ID", bad).Header.Get("X-Request-ID"); got == bad || !telemetry.ValidRequestID(got) {
				t.Errorf("%s: id %q is answered with %q", path, bad, got)
			}
		}
	}
	s.get("/api/none", "X-Request-ID", "caller-id_1.2").want(t, 404, `"request_id":"caller-id_1.2"`)
}

// Every response has the headers, even an error.
func TestSecurityHeaders(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/", "/none", "/api/v1/books/1", "/api/none", "/static/none", "/books/1/cover.svg"} {
		h := s.get(path).Header
		for name, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy":         "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	if got := s.get("/").Header.Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("a page may be cached: %q", got)
	}
	if got := s.get("/api/v1/books/1").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("an API response may be cached: %q", got)
	}
}

// Pages have no inline script or style and no other host, which the policy forbids.
func TestPagesKeepThePolicy(t *testing.T) {
	s := newTestShop(t, fewBooks())
	forbidden := regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:|<iframe|(src|href|action)="(https?:)?//`)
	ours := regexp.MustCompile(`<script src="/static/shop\.[0-9a-f]{12}\.js" defer></script>`)
	for _, path := range []string{"/", "/books", "/books/1", "/search?q=jane", "/search?q=none", "/categories/classics", "/your-books", "/none"} {
		body := s.get(path).body
		if n := len(ours.FindAllString(body, -1)); n != 1 {
			t.Errorf("%s has the shop's script %d times", path, n)
		}
		if found := forbidden.FindString(ours.ReplaceAllString(body, "")); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}

func TestToken(t *testing.T) {
	s := newTestShop(t, fewBooks(), requireToken)
	for _, path := range []string{"/api/v1/books", "/api/v1/recommendations?user_id=1", "/api/v1/none", "/api/v1", "/api/v1/", "/%61pi/v1/books/1"} {
		for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer the-tokeN", "Bearer the-token2", "Basic the-token", "the-token", "Bearer  the-token"} {
			answer := s.get(path, "Authorization", authorization).want(t, 401, `"title":"Unauthorized"`)
			if got := answer.Header.Get("WWW-Authenticate"); got != `Bearer realm="bookstall"` {
				t.Errorf("WWW-Authenticate %q", got)
			}
		}
	}
	s.get("/api/v1/books", "Authorization", "Bearer the-token").want(t, 200)
	s.get("/api/v1/books", "Authorization", "bearer the-token").want(t, 200)
	s.get("/api/v1/none", "Authorization", "Bearer the-token").want(t, 404)
	s.get("/api/openapi.yaml").want(t, 200)
	s.get("/").want(t, 200)
	s.get("/books/1").want(t, 200)
}

func TestLimits(t *testing.T) {
	s := newTestShop(t, fewBooks())
	long := strings.Repeat("a", request.MaxURI)
	s.get("/search?q="+long).want(t, 414, "The address is too long.")
	s.get("/"+long).want(t, 414)
	s.get("/api/v1/books?q="+long).want(t, 414, `"status":414`)
	s.get("/api/v1/"+long).want(t, 414)
}

func TestAPINotFoundAndMethods(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/books/", "/api/v2/books", "/api/v1/books/1/2", "/api/v1/readers/1/2", "/api//v1/books", "/api/v1/../v1/books"} {
		s.get(path).want(t, 404, `"status":404`)
	}
	for _, path := range []string{"/api/v1/books", "/api/v1/books/1", "/api/v1/recommendations", "/api/v1/categories", "/api/openapi.yaml"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MADE-UP"} {
			if got := s.do(method, path, "").want(t, 405, `"status":405`).Header.Get("Allow"); got != "GET, HEAD" {
				t.Errorf("%s %s: Allow %q", method, path, got)
			}
		}
	}
	for path, allow := range map[string]string{"/api/v1/interactions": "POST", "/api/v1/readers/1": "DELETE", "/api/v1/readers/1/history": "GET, HEAD"} {
		if got := s.do("PUT", path, "").want(t, 405, `"status":405`).Header.Get("Allow"); got != allow {
			t.Errorf("PUT %s: Allow %q, want %q", path, got, allow)
		}
	}
	s.do("POST", "/api/v1/books", "", "Sec-Fetch-Site", "cross-site").want(t, 403, `"status":403`)
}

func TestHead(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, path := range []string{"/", "/books/1", "/books/1/cover.svg", "/api/v1/books", "/api/openapi.yaml"} {
		get, head := s.get(path), s.do(http.MethodHead, path, "")
		if head.StatusCode != http.StatusOK || head.body != "" || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d, %d bytes, %q", path, head.StatusCode, len(head.body), head.Header.Get("Content-Type"))
		}
	}
}

// Requests that no Go client would send.
func TestRawRequests(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, line := range []string{
		"GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "GET //evil.test/.. HTTP/1.1", "GET /../../etc/passwd HTTP/1.1", "GET /books/./1 HTTP/1.1",
		"CONNECT /books HTTP/1.1", "GET http://other.test/books HTTP/1.1", "GET /?%zz=;&&&=== HTTP/1.1", "GET /books/%E2%28%A1 HTTP/1.1", "GET /\x80\xff HTTP/1.1",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, line+"\r\nHost: shop.test\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		switch {
		case err != nil:
			t.Errorf("%q: %v", line, err)
		case resp.StatusCode >= 500:
			t.Errorf("%q: status %d", line, resp.StatusCode)
		case strings.HasPrefix(resp.Header.Get("Location"), "//"):
			t.Errorf("%q: leads to %q", line, resp.Header.Get("Location"))
		}
		_ = conn.Close()
	}
	if lines := s.log.with("panicked"); len(lines) > 0 {
		t.Errorf("panics: %q", lines)
	}
}
