package web

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bookstall/marketplace/internal/apitoken"
)

func TestAClosedAPISaysHowItIsOpened(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.API = nil })
	for _, path := range []string{"/api/v1/books", "/api/v1/none", "/api/v1/readers/7/history"} {
		s.get(path).want(t, 403, "--api-token-file", "--api-tokens-file", "--api-open")
		s.get(path, "Authorization", "Bearer the-token").want(t, 403)
	}
	s.do("DELETE", "/api/v1/readers/7", "").want(t, 403)
	s.get("/api/openapi.yaml").want(t, 200)
	s.get("/books/1").want(t, 200)
}

// A token does what its scopes say, for its reader, and the access log has its name.
func TestTokensHaveScopesAndReaders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	var lines, header []string
	for _, g := range []apitoken.Grant{
		{Name: "reports", Scopes: []apitoken.Scope{apitoken.Read}},
		{Name: "till", Scopes: []apitoken.Scope{apitoken.Write}},
		{Name: "phone", Scopes: apitoken.Scopes(), Reader: 7},
	} {
		token, line, err := apitoken.New(g)
		if err != nil {
			t.Fatal(err)
		}
		lines, header = append(lines, line), append(header, "Bearer "+token)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newTestShop(t, fewBooks(), func(c *Config) { c.API = gate(t, apitoken.Config{File: file}) })
	const reports, till, phone = 0, 1, 2
	for _, test := range []struct {
		token        int
		method, path string
		reader       int64 // of the body
		want         int
	}{
		{reports, "GET", "/api/v1/books", 0, 200},
		{reports, "GET", "/api/v1/recommendations?user_id=8", 0, 200},
		{reports, "POST", "/api/v1/interactions", 8, 403},
		{reports, "DELETE", "/api/v1/readers/8", 0, 403},
		{till, "GET", "/api/v1/books", 0, 403},
		{till, "POST", "/api/v1/interactions", 8, 201},
		{till, "DELETE", "/api/v1/readers/8", 0, 403},
		{phone, "GET", "/api/v1/books", 0, 200},
		{phone, "GET", "/api/v1/books/1/similar", 0, 200},
		{phone, "GET", "/api/v1/recommendations?user_id=7", 0, 200},
		{phone, "GET", "/api/v1/recommendations?user_id=8", 0, 403},
		{phone, "GET", "/api/v1/readers/7/history", 0, 200},
		{phone, "GET", "/api/v1/readers/8/history", 0, 403},
		{phone, "POST", "/api/v1/interactions", 7, 201},
		{phone, "POST", "/api/v1/interactions", 8, 403},
		{phone, "DELETE", "/api/v1/readers/8", 0, 403},
		{phone, "DELETE", "/api/v1/readers/7", 0, 200},
	} {
		body := ""
		if test.reader != 0 {
			body = fmt.Sprintf(`{"user_id":%d,"book_id":1,"kind":"like"}`, test.reader)
		}
		s.do(test.method, test.path, body, "Authorization", header[test.token], "Content-Type", "application/json").want(t, test.want)
		name := []string{"reports", "till", "phone"}[test.token]
		if lines := s.log.with(`"msg":"request"`); !strings.Contains(lines[len(lines)-1], `"token":"`+name+`"`) {
			t.Errorf("%s %s: the access log does not name %s", test.method, test.path, name)
		}
	}
	// Who is refused learns which scope is missing.
	for method, scope := range map[string]string{"GET": "read", "POST": "write", "DELETE": "forget"} {
		token := till
		if method == "POST" {
			token = reports
		}
		refused := s.do(method, "/api/v1/readers/8", "", "Authorization", header[token]).want(t, 403, "lacks the scope "+scope)
		if got, want := refused.Header.Get("WWW-Authenticate"), `Bearer realm="bookstall", error="insufficient_scope", scope="`+scope+`"`; got != want {
			t.Errorf("%s: WWW-Authenticate %q, want %q", method, got, want)
		}
	}
	if n := len(s.recommender.history(8)); n != 1 {
		t.Errorf("reader 8 has %d entries, want the one that the till wrote", n)
	}
}
