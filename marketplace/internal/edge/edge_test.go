package edge

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func parseURL(t *testing.T, text string) URL {
	t.Helper()
	u, err := ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func newEdge(t *testing.T, cfg Config) *Edge {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// from returns a request of a peer; headers are names and values in turn.
func from(peer, method, host string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "/interactions", http.NoBody)
	r.RemoteAddr, r.Host = peer, host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://shop.example":          "https://shop.example",
		"https://Shop.Example.:443/":    "https://shop.example",
		"http://shop.example:80":        "http://shop.example",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		"https://[2001:DB8::1]":         "https://[2001:db8::1]",
		"https://[2001:db8::1]:8443":    "https://[2001:db8::1]:8443",
		"https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
		"":                              "",
		"shop.example":                  "",
		"ftp://shop.example":            "",
		"https://":                      "",
		"https://user@shop.example":     "",
		"https://shop.example?a=b":      "",
		"https://shop.example#a":        "",
		"https://shop.example/books":    "https://shop.example",
		"https://shop.example/a.b/C-_1": "https://shop.example",
		"https://shop.example//":        "",
		"https://shop.example/a//b":     "",
		"https://shop.example/a/..":     "",
		"https://shop.example/a%20b":    "",
		"https://shop.example/bücher":   "",
		"https://shop.example/a;b":      "",
		"https://bücher.example":        "",
		"https://shop.example:0":        "",
		"https://shop.example:99999":    "",
		"https://shop example":          "",
	} {
		if got, err := ParseURL(text); (err == nil) != (want != "") || err == nil && got.Origin() != want {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
	if _, err := ParseURL("https://shop.example/a%20b"); err == nil || !strings.Contains(err.Error(), "/a b") {
		t.Errorf("a path: %v, want an error that names it", err)
	}
	if _, err := ParseURL("https://shop.example/" + strings.Repeat("a", maxRoot)); err == nil {
		t.Error("a long path is no error")
	}
	for text, want := range map[string]string{"http://a": "http://a/x", "http://a:80/": "http://a/x", "http://a/b/c/": "http://a/b/c/x"} {
		if got := parseURL(t, text).To("/x"); got != want {
			t.Errorf("%s: to /x by %s, want %s", text, got, want)
		}
	}
	if got := (URL{}).To("/x"); got != "" {
		t.Errorf("an unknown URL leads to %s", got)
	}
}

func TestRoot(t *testing.T) {
	for address, want := range map[string]string{
		"/a/b": "/", "/a/b/": "/", "/a/b/x": "/x", "/a/b?x": "/?x", "/a/b#x": "/#x", "/a/b//x": "//x",
		"/": "/", "/x": "/x", "/a": "/a", "/a/bc": "/a/bc", "/A/b": "/A/b", "": "", "*": "*",
	} {
		if got := Root("/a/b").Cut(address); got != want {
			t.Errorf("%q is %q without the root, want %q", address, got, want)
		}
		if got := Root("").Cut(address); got != address {
			t.Errorf("%q is %q without a root", address, got)
		}
	}
}

// A request has the path of the public URL or not, and may write it in another way.
func TestArriveCutsTheRoot(t *testing.T) {
	e := newEdge(t, Config{PublicURL: parseURL(t, "http://a/shop"), Listen: ":80"})
	for target, want := range map[string]string{
		"/shop/x?y=/shop/": "/x?y=/shop/", "/x": "/x", "/shop": "/", "/shop/a%2Fb": "/a%2Fb", "/%73hop/a%2Fb": "/a/b", "http://a/shop/x": "http://a/x",
	} {
		r := from("192.0.2.1:1", "GET", "a")
		r.URL, _ = url.Parse(target) // valid
		if got := e.Arrive(r).URL.String(); got != want || r.URL.String() != target {
			t.Errorf("%s arrives as %s, want %s", target, got, want)
		}
	}
}

// Only a proxy's word counts for who is signed in.
func TestReader(t *testing.T) {
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct {
		header, peer string
		values       []string
		want         string
		refused      bool
	}{
		{"X-User", "10.0.0.1:1", []string{"7"}, "7", false},
		{"X-User", "10.0.0.1:1", nil, "", false},
		{"X-User", "10.0.0.1:1", []string{" "}, "", false},
		{"X-User", "10.0.0.1:1", []string{"7", "8"}, "7,8", false},
		{"X-User", "192.0.2.1:1", []string{"7"}, "", true},
		{"X-User", "192.0.2.1:1", []string{""}, "", false},
		{"X-User", "@", []string{"7"}, "", true},
		{"", "10.0.0.1:1", []string{"7"}, "", false},
	} {
		r := from(test.peer, "GET", "shop")
		r.Header["X-User"] = test.values
		e := newEdge(t, Config{Proxies: proxies, ReaderHeader: test.header})
		got, err := e.Reader(e.Arrive(r))
		if got != test.want || errors.Is(err, ErrReader) != test.refused {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
	}
}

func TestHosts(t *testing.T) {
	https := parseURL(t, "https://shop.example")
	for name, test := range map[string]struct {
		cfg            Config
		allows, refuse []string
	}{
		"nothing is known": {Config{}, []string{"evil.example", "", "1.2.3.4:80", "any thing"}, nil},
		"public URL": {
			Config{PublicURL: https, Listen: ":8080"},
			[]string{"shop.example", "SHOP.example.:443", "shop.example:8443", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]", "10.1.2.3", "", "bookstall", "shop_backend:80"},
			[]string{"evil.example", "shop.example.evil.example", "xshop.example", "bookstall.example", "bookstall.svc", "127.0.0.1.evil.example", "localhost.evil.example", "shop.example:x", "a b", "1.2.3.4.5"},
		},
		"bound to one address": {
			Config{PublicURL: parseURL(t, "http://127.0.0.1:8080"), Listen: "127.0.0.1:8080"},
			[]string{"127.0.0.1:8080", "127.0.0.1", "localhost:8080", "[::ffff:127.0.0.1]:8080"},
			[]string{"10.1.2.3", "[::1]:8080", "evil.example:8080", "evil.test"},
		},
		"more hosts": {
			Config{PublicURL: https, AllowedHosts: []string{"bookstall", " *.Example.org", "10.0.0.7"}, Listen: "10.0.0.1:80"},
			[]string{"shop.example", "bookstall:80", "a.example.org", "a.b.EXAMPLE.org", "10.0.0.1", "10.0.0.7"},
			[]string{"example.org", "evilexample.org", "bookstall.example", "10.0.0.2"},
		},
		"hosts without a public URL": {Config{AllowedHosts: []string{"shop"}, Listen: "[::]:80"}, []string{"shop", "[2001:db8::1]"}, []string{"evil"}},
	} {
		e := newEdge(t, test.cfg)
		for _, host := range test.allows {
			if err := e.CheckHost(e.Arrive(from("192.0.2.1:1", "GET", host))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, host := range test.refuse {
			if err := e.CheckHost(e.Arrive(from("192.0.2.1:1", "GET", host, "X-Forwarded-Host", "shop.example"))); !errors.Is(err, ErrHost) {
				t.Errorf("%s: %q: %v, want ErrHost", name, host, err)
			}
		}
	}
	if _, err := New(Config{AllowedHosts: []string{"a b"}, Listen: ":80"}); err == nil {
		t.Error("a host with a space is no error")
	}
}

// A page of another site may have a name without a dot. Beside a public URL, requests for one
// get pages, and write from pages of that URL; a proxy that is believed may ask by any name, and
// beside it nobody else.
func TestNamesWithoutADot(t *testing.T) {
	https, plain := parseURL(t, "https://shop.example"), parseURL(t, "http://127.0.0.1:8080")
	const (
		browser, proxy = "192.0.2.1:1", "10.0.0.1:1"
		here, local    = "https://shop.example", "http://127.0.0.1:8080"
		page, api      = "/books", "/api/v1/readers/318"
	)
	var taken error
	for _, test := range []struct {
		publicURL                  URL
		peer, method, path, origin string
		want                       error
	}{
		{https, browser, "GET", page, "", taken},
		{https, browser, "HEAD", page, "", taken},
		{https, browser, "GET", page, here, taken},
		{https, browser, "GET", page, "http://HOST", ErrHost},
		{https, browser, "POST", page, here, taken},
		{https, browser, "POST", page, "http://HOST", ErrOrigin},
		{https, browser, "POST", page, "null", ErrOrigin},
		{https, browser, "POST", page, "", ErrOrigin},
		{https, browser, "GET", api, "", ErrHost},
		{https, browser, "GET", api, here, ErrHost},
		{https, browser, "GET", "/api", "", ErrHost},
		{https, browser, "DELETE", api, "http://HOST", ErrHost},
		{https, proxy, "DELETE", api, "", taken},
		{https, proxy, "GET", api, "", taken},
		{plain, browser, "GET", page, "", ErrHost},
		{plain, browser, "GET", page, "http://HOST", ErrHost},
		{plain, browser, "GET", page, local, taken},
		{plain, browser, "POST", page, local, taken},
		{plain, browser, "POST", page, "http://HOST", ErrOrigin},
		{plain, browser, "GET", api, "", ErrHost},
		{plain, browser, "DELETE", api, "http://HOST", ErrHost},
		{parseURL(t, "http://localhost:8080"), browser, "GET", page, "", ErrHost},
		{parseURL(t, "http://[::1]:8080"), browser, "GET", page, "", ErrHost},
		{URL{}, browser, "GET", page, "", ErrHost},
		{URL{}, browser, "DELETE", api, "http://HOST", ErrHost},
	} {
		proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
		if test.peer == browser {
			proxies = nil
		}
		cfg := Config{PublicURL: test.publicURL, AllowedHosts: []string{"10.9.9.9"}, Listen: ":80", Proxies: proxies}
		beside := cfg
		beside.Proxies = Proxies{netip.MustParsePrefix("10.0.0.2/32")}
		for _, host := range []string{"printer:8080", "evil.", "com", "Upstream"} {
			r := from(test.peer, test.method, host)
			r.URL.Path = test.path
			if test.origin != "" {
				r.Header.Set("Origin", strings.ReplaceAll(test.origin, "HOST", host))
			}
			e := newEdge(t, cfg)
			arrived := e.Arrive(r)
			err := e.CheckHost(arrived)
			if err == nil {
				err = e.CheckOrigin(arrived)
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%+v: host %s: %v", test, host, err)
			}
			e = newEdge(t, beside)
			if err := e.CheckHost(e.Arrive(r)); !errors.Is(err, ErrHost) {
				t.Errorf("%+v: host %s, beside another proxy: %v", test, host, err)
			}
		}
	}
}

func TestForwarded(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8", " 192.0.2.7 ", "2001:db8::/32", "::ffff:192.0.2.8"})
	if err != nil {
		t.Fatal(err)
	}
	e := newEdge(t, Config{Proxies: proxies})
	for name, test := range map[string]struct {
		peer         string
		headers      []string
		client, host string
		scheme       string
	}{
		"nobody is believed but proxies": {
			"192.0.2.9:1", []string{"X-Forwarded-For", "203.0.113.1", "X-Forwarded-Host", "a.example", "X-Forwarded-Proto", "https"},
			"192.0.2.9", "shop", "",
		},
		"one proxy": {
			"192.0.2.7:1", []string{"X-Forwarded-For", "203.0.113.1", "X-Forwarded-Host", "A.example:8443", "X-Forwarded-Proto", "HTTPS"},
			"203.0.113.1", "a.example:8443", "https",
		},
		"mapped addresses": {"[::ffff:192.0.2.8]:1", []string{"X-Forwarded-For", "::ffff:203.0.113.1"}, "203.0.113.1", "shop", ""},
		"a client adds an address": {
			"10.0.0.1:1", []string{"X-Forwarded-For", "198.51.100.1, 203.0.113.1"},
			"203.0.113.1", "shop", "",
		},
		"a client adds a header": {
			"10.0.0.1:1", []string{"X-Forwarded-For", "198.51.100.1", "X-Forwarded-For", "203.0.113.1"},
			"203.0.113.1", "shop", "",
		},
		"two proxies that append": {
			"10.0.0.1:1", []string{"X-Forwarded-For", "198.51.100.1, 203.0.113.1, 10.0.0.2", "X-Forwarded-Host", "forged, a.example, inner", "X-Forwarded-Proto", "https, http"},
			"203.0.113.1", "a.example", "https",
		},
		"two proxies that replace": {
			"10.0.0.1:1", []string{"X-Forwarded-For", "203.0.113.1, 10.0.0.2", "X-Forwarded-Host", "a.example", "X-Forwarded-Proto", "https"},
			"203.0.113.1", "a.example", "https",
		},
		"with ports":      {"10.0.0.1:1", []string{"X-Forwarded-For", "203.0.113.1:4711"}, "203.0.113.1", "shop", ""},
		"IPv6 with ports": {"[2001:db8::1]:1", []string{"X-Forwarded-For", "[2a00::1]:4711"}, "2a00::1", "shop", ""},
		"nothing said":    {"10.0.0.1:1", nil, "invalid IP", "shop", ""},
		"no address":      {"10.0.0.1:1", []string{"X-Forwarded-For", "203.0.113.1, unknown"}, "invalid IP", "shop", ""},
		"only proxies":    {"10.0.0.1:1", []string{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}, "invalid IP", "shop", ""},
		"not a host":      {"10.0.0.1:1", []string{"X-Forwarded-Host", "a b", "X-Forwarded-Proto", "gopher"}, "invalid IP", "shop", ""},
		"no peer":         {"@", []string{"X-Forwarded-For", "203.0.113.1"}, "invalid IP", "shop", ""},
	} {
		r := e.Arrive(from(test.peer, "GET", "shop", test.headers...))
		a := ArrivalOf(r.Context())
		if a.Client.String() != test.client || r.Host != test.host || a.scheme != test.scheme {
			t.Errorf("%s: client %v, host %s, scheme %q, want %s, %s, %q", name, a.Client, r.Host, a.scheme, test.client, test.host, test.scheme)
		}
	}
}

func TestParseProxies(t *testing.T) {
	for _, bad := range []string{"", "proxy", "10.0.0.0/33", "0.0.0.0/0", "::/0", "fe80::1%eth0"} {
		if p, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q: %v", bad, p)
		}
	}
}

func TestOrigins(t *testing.T) {
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	https, plain := parseURL(t, "https://shop.example"), parseURL(t, "http://127.0.0.1:8081")
	const browser, proxy = "192.0.2.1:1", "10.0.0.1:1"
	for name, test := range map[string]struct {
		cfg     Config
		peer    string
		host    string
		headers []string
		taken   bool
		shop    string // in the error
	}{
		"same host":                           {Config{}, browser, "shop.example", []string{"Origin", "https://shop.example"}, true, ""},
		"no browser":                          {Config{}, browser, "shop.example", nil, true, ""},
		"a proxy that does not pass the host": {Config{}, browser, "shop", []string{"Origin", "http://127.0.0.1:8081"}, false, "shop"},
		"a proxy that drops the port":         {Config{}, browser, "127.0.0.1", []string{"Origin", "http://127.0.0.1:8081"}, false, "127.0.0.1"},
		"the public URL helps":                {Config{PublicURL: plain, Listen: ":80"}, browser, "127.0.0.1", []string{"Origin", "http://127.0.0.1:8081"}, true, ""},
		"X-Forwarded-Host helps": {
			Config{Proxies: proxies}, proxy, "shop",
			[]string{"Origin", "http://127.0.0.1:8081", "X-Forwarded-Host", "127.0.0.1:8081"}, true, "",
		},
		"but not from anybody": {
			Config{Proxies: proxies}, browser, "shop",
			[]string{"Origin", "http://127.0.0.1:8081", "X-Forwarded-Host", "127.0.0.1:8081"}, false, "shop",
		},
		"a proxy with a name of its own, and the public URL": {
			Config{PublicURL: https, Proxies: proxies, Listen: ":80"}, proxy, "upstream",
			[]string{"Origin", "https://shop.example"}, true, "",
		},
		"another site":         {Config{PublicURL: https, Listen: ":80"}, browser, "shop.example", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false, "https://shop.example"},
		"another site, hidden": {Config{PublicURL: https, Listen: ":80"}, browser, "shop.example", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, false, "https://shop.example"},
		"a page by HTTP":       {Config{PublicURL: https, Listen: ":80"}, browser, "shop.example", []string{"Origin", "http://shop.example"}, false, "https://shop.example"},
		"a page by HTTP, by the proxy": {
			Config{Proxies: proxies}, proxy, "shop.example",
			[]string{"Origin", "http://shop.example", "X-Forwarded-Proto", "https"}, false, "https://shop.example",
		},
		"a page by HTTPS": {Config{PublicURL: parseURL(t, "http://shop.example"), Listen: ":80"}, browser, "shop.example", []string{"Origin", "https://shop.example"}, false, "http://shop.example"},
		"a page by HTTPS, by the proxy": {
			Config{Proxies: proxies}, proxy, "shop.example",
			[]string{"Origin", "https://shop.example", "X-Forwarded-Proto", "http"}, false, "http://shop.example",
		},
		"HTTPS that ends before the shop": {
			Config{PublicURL: parseURL(t, "http://shop.example"), Listen: ":80"}, browser, "shop.example",
			[]string{"Origin", "https://shop.example", "Sec-Fetch-Site", "same-origin"}, true, "",
		},
		"a proxy with a name of its own, and another public URL": {
			Config{PublicURL: https, Listen: ":80"}, browser, "upstream", []string{"Origin", "http://127.0.0.1:8081"}, false, "https://shop.example",
		},
		"port forwarding": {Config{PublicURL: https, Listen: ":80"}, browser, "localhost:8080", []string{"Origin", "http://localhost:8080"}, true, ""},
	} {
		e := newEdge(t, test.cfg)
		r := e.Arrive(from(test.peer, "POST", test.host, test.headers...))
		if err := e.CheckHost(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		err := e.CheckOrigin(r)
		var other *OriginError
		switch {
		case test.taken && err != nil:
			t.Errorf("%s: %v", name, err)
		case !test.taken && (!errors.As(err, &other) || !errors.Is(err, ErrOrigin) || other.Shop != test.shop || other.Origin != test.headers[1]):
			t.Errorf("%s: %v, want an OriginError with %s and %s", name, err, test.headers[1], test.shop)
		}
		r.Method = http.MethodGet
		if err := e.CheckOrigin(r); err != nil {
			t.Errorf("%s: GET: %v", name, err)
		}
	}
}

func TestStrictTransportSecurity(t *testing.T) {
	https, plain := parseURL(t, "https://shop.example"), parseURL(t, "http://shop.example")
	for _, test := range []struct {
		cfg        Config
		host, want string
	}{
		{Config{PublicURL: https, Listen: ":80"}, "shop.example", "max-age=31536000"},
		{Config{PublicURL: https, Listen: ":80", HSTSIncludeSubdomains: true}, "shop.example:443", "max-age=31536000; includeSubDomains"},
		{Config{PublicURL: https, Listen: ":80"}, "localhost:8080", ""},
		{Config{PublicURL: plain, Listen: ":80"}, "shop.example", ""},
		{Config{}, "shop.example", ""},
	} {
		e := newEdge(t, test.cfg)
		if got := e.StrictTransportSecurity(e.Arrive(from("192.0.2.1:1", "GET", test.host))); got != test.want {
			t.Errorf("%+v, host %s: %q, want %q", test.cfg, test.host, got, test.want)
		}
	}
}

// Whatever clients send, nothing panics, and nobody but proxies is believed.
func FuzzArrive(f *testing.F) {
	f.Add("192.0.2.1:1", "shop.example:80", "1.2.3.4, [::1]:5, x", "a, b", "https,http", "https://shop.example", "/shop/books")
	f.Add("10.0.0.1:1", "[::1", ",,", "[", "", "null", "/shop")
	public, err := ParseURL("https://shop.example/shop")
	if err != nil {
		f.Fatal(err)
	}
	e, err := New(Config{PublicURL: public, Listen: ":80", Proxies: Proxies{netip.MustParsePrefix("10.0.0.0/8")}, ReaderHeader: "X-User"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, peer, host, forwardedFor, forwardedHost, proto, origin, path string) {
		r := from(peer, "POST", host, "X-Forwarded-For", forwardedFor, "X-Forwarded-Host", forwardedHost, "X-Forwarded-Proto", proto, "Origin", origin, "X-User", "7")
		r.URL.Path = path
		arrived := e.Arrive(r)
		a := ArrivalOf(arrived.Context())
		if !a.Proxied && (arrived.Host != host || a.Client != a.Peer) {
			t.Errorf("%s is believed: host %q, client %v", peer, arrived.Host, a.Client)
		}
		if a.Proxied && e.cfg.Proxies.trust(a.Client) {
			t.Errorf("the client is a proxy: %v", a.Client)
		}
		if r.URL.Path != path || strings.HasPrefix(path, "/") && !strings.HasPrefix(arrived.URL.Path, "/") {
			t.Errorf("%q arrives as %q, and is %q afterwards", path, arrived.URL.Path, r.URL.Path)
		}
		if reader, err := e.Reader(arrived); (reader == "7") != a.Proxied || (err == nil) != a.Proxied {
			t.Errorf("from %s the reader is %q, %v", peer, reader, err)
		}
		_, _ = e.CheckHost(arrived), e.CheckOrigin(arrived)
	})
}
