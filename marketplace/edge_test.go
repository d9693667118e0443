package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"bookstall/internal/test/programtest"
)

// proxy returns a proxy in front of a shop that asks for a host of its own, as nginx does
// unless it is told otherwise. The shop's address is set later.
func proxy(t *testing.T, host string, headers http.Header) (server *httptest.Server, behind *url.URL) {
	t.Helper()
	behind = &url.URL{Scheme: "http"}
	server = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = host
		for name, values := range headers {
			r.Out.Header[name] = values
		}
	}})
	t.Cleanup(server.Close)
	return server, behind
}

// What a form of the shop's own page gets through proxies, by what the shop knows of them.
func TestFormsThroughAProxy(t *testing.T) {
	const form = "book=1&do=like&return=/books/1"
	for name, test := range map[string]struct {
		host   string   // for which the proxy asks; "" for upstream
		args   []string // SHOP is the proxy's address
		header http.Header
		want   int
	}{
		"nothing is known":               {"", nil, nil, http.StatusForbidden},
		"the public URL and an own host": {"shop.upstream.test", []string{"--public-url=http://SHOP", "--allowed-hosts=*.upstream.test"}, nil, 0},
		"the public URL and the proxy":   {"shop.upstream.test", []string{"--public-url=http://SHOP", "--trusted-proxies=127.0.0.0/8"}, nil, 0},
		"the public URL and a bare name": {"", []string{"--public-url=http://SHOP"}, nil, 0},
		"the public URL only":            {"shop.upstream.test", []string{"--public-url=http://SHOP"}, nil, http.StatusMisdirectedRequest},
		"X-Forwarded-Host":               {"", []string{"--trusted-proxies=127.0.0.1"}, http.Header{"X-Forwarded-Host": {"SHOP"}}, 0},
		"X-Forwarded-Host of a stranger": {"", []string{"--trusted-proxies=10.0.0.1"}, http.Header{"X-Forwarded-Host": {"SHOP"}}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			front, behind := proxy(t, cmp.Or(test.host, "upstream"), test.header)
			address := strings.TrimPrefix(front.URL, "http://")
			for _, values := range test.header {
				values[0] = strings.ReplaceAll(values[0], "SHOP", address)
			}
			args := []string{"--catalog-file=" + catalogFile(t)}
			for _, a := range test.args {
				args = append(args, strings.ReplaceAll(a, "SHOP", address))
			}
			p := start(t, args...)
			behind.Host = strings.TrimPrefix(p.shop, "http://")
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+"/interactions", strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", front.URL)
			resp, err := front.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			p.shutDown(t) // after which the log is complete
			refused := resp.StatusCode == http.StatusMisdirectedRequest ||
				resp.StatusCode == http.StatusForbidden && len(p.Lines("request of another origin refused")) == 1
			if test.want != 0 && resp.StatusCode != test.want || refused != (test.want != 0) {
				t.Errorf("status %d, refused %v, want status %d (0 for any that is no refusal)", resp.StatusCode, refused, test.want)
			}
		})
	}
}

// A shop that knows its public URL answers to it, to localhost and to its own address, and
// its cookies and headers are as the URL says.
func TestThePublicURL(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t), "--public-url=https://Shop.example:443/", "--hsts-include-subdomains")
	port := p.shop[strings.LastIndex(p.shop, ":")+1:]
	for host, want := range map[string]int{
		"shop.example": http.StatusOK, "localhost:" + port: http.StatusOK, "127.0.0.1:" + port: http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "evil.example:" + port: http.StatusMisdirectedRequest, "192.0.2.1": http.StatusMisdirectedRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.shop+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: status %d, want %d", host, resp.StatusCode, want)
		}
		hsts := ""
		if host == "shop.example" {
			hsts = "max-age=31536000; includeSubDomains"
		}
		if got := resp.Header.Get("Strict-Transport-Security"); got != hsts {
			t.Errorf("host %s: Strict-Transport-Security %q, want %q", host, got, hsts)
		}
		for _, c := range resp.Cookies() {
			if !c.Secure || !strings.HasPrefix(c.Name, "__Host-") {
				t.Errorf("host %s: the cookie %s is not for HTTPS only", host, c.Name)
			}
		}
	}
	if resp, body := programtest.Get(t, fmt.Sprintf("http://localhost:%s/api/v1/books", port), "X-Forwarded-Host", "evil.example"); resp.StatusCode != http.StatusOK {
		t.Errorf("X-Forwarded-Host of a stranger: %d %s", resp.StatusCode, body)
	}
	p.shutDown(t)
	if n := len(p.Lines(apiOpenToSites)); n != 0 {
		t.Errorf("%d warnings of other sites", n)
	}
}

const apiOpenToSites = "JSON API open to pages of other sites, too: set --public-url or --allowed-hosts"

// A shop that answers to any host warns if its API is open.
func TestAnOpenAPIAtAnyHostIsAWarning(t *testing.T) {
	p := start(t)
	p.shutDown(t)
	if n := len(p.Lines(apiOpenToSites)); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
}

// A page at http://printer reaches the open API of a shop on the same machine under no name.
func TestAPageWithANameWithoutADot(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t), "--public-url=http://127.0.0.1:8080", "--api-open")
	for _, host := range []string{"printer:8080", "evil", "com", "evil."} {
		for _, test := range [][]string{{http.MethodDelete, "/api/v1/readers/318"}, {http.MethodGet, "/api/v1/books"}, {http.MethodGet, "/"}} {
			req, err := http.NewRequestWithContext(t.Context(), test[0], p.shop+test[1], http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			if test[0] == http.MethodDelete {
				req.Header.Set("Origin", "http://"+host)
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("host %s: %v: status %d, want %d", host, test, resp.StatusCode, http.StatusMisdirectedRequest)
			}
		}
	}
	p.shutDown(t)
}

// The open API of Compose answers to addresses, to localhost and to the host that other
// containers use. Docker itself is tested in internal/test/compose.
func TestTheHostsOfCompose(t *testing.T) {
	file, err := os.ReadFile("../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	hosts := regexp.MustCompile(`MARKETPLACE_ALLOWED_HOSTS: (.*)`).FindSubmatch(file)
	load := regexp.MustCompile(`-shop, "http://([^"]+)"`).FindSubmatch(file)
	if hosts == nil || load == nil {
		t.Fatal("deploy/compose.yaml does not say to which hosts the shop answers, or by which the load generator calls it")
	}
	allowed := regexp.MustCompile(`\$\{MARKETPLACE_ALLOWED_HOSTS:-([^}]*)\}`).ReplaceAllString(string(hosts[1]), "$1")
	p := start(t, "--catalog-file="+catalogFile(t), "--http-address=:0", "--api-open", "--allowed-hosts="+allowed)
	for host, want := range map[string]int{
		"127.0.0.1:8080": http.StatusOK, "[::1]:8080": http.StatusOK, "localhost:8080": http.StatusOK, string(load[1]): http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "evil.example:8080": http.StatusMisdirectedRequest,
		"marketplace:8080": http.StatusMisdirectedRequest, "printer": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/", "/api/v1/books"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.shop+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s at host %s: status %d, want %d", path, host, resp.StatusCode, want)
			}
		}
	}
	p.shutDown(t)
}
