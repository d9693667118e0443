package proxies

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

const (
	origin   = "https://shop.example"
	formType = "application/x-www-form-urlencoded"
	header   = "X-Auth-Request-User" // as docs/proxies.md has it
)

// TestProxies starts the programs once for all of its tests.
func TestProxies(t *testing.T) {
	f, s := startShops(t), newSite(t)
	root, below := addShop(t, f, "--public-url="+origin), addShop(t, f, "--public-url="+origin+"/shop")
	t.Run("shop", func(t *testing.T) { testShops(t, f, s, root, below) })
	t.Run("nginx with its defaults", func(t *testing.T) { testDefaults(t, f, s, root) })
	t.Run("oauth2-proxy", func(t *testing.T) { testSignIn(t, f, s, root) })
	t.Run("recommendations", func(t *testing.T) { testReplicas(t, f) }) // kills one of them
}

// startShops starts two replicas, and a shop that believes its proxies.
func startShops(t *testing.T) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Start(fleet.Config{
		Bin: programtest.Build(t), Replicas: 2, Log: t.Output(),
		// Long timeouts: the machine may be busy.
		MarketplaceArgs: []string{
			"--trusted-proxies=127.0.0.0/8", "--reader-header=" + header, "--recommendations-timeout=5s", "--write-timeout=5s", "--limit-address=0",
		},
		ReplicaArgs: []string{"--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// addShop adds a shop that knows its public URL.
func addShop(t *testing.T, f *fleet.Fleet, flags ...string) *fleet.Marketplace {
	t.Helper()
	m, err := f.AddMarketplace(flags...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hostOf returns the host and port of a URL.
func hostOf(address string) string { return strings.TrimPrefix(address, "http://") }

// nginxFor returns the configuration of nginx for a shop, with a location of the docs.
func nginxFor(t *testing.T, s site, m *fleet.Marketplace, address, location string) string {
	t.Helper()
	whole := block(t, "nginx", "nginx", 0)
	plain := "    location / {\n        proxy_pass http://bookstall;\n    }\n"
	if location == "" {
		location = plain
	}
	return replace(t, whole, plain, location, "10.0.0.10:8080", hostOf(m.URL()), "    server 10.0.0.11:8080;\n", "", "listen 443", "listen "+address,
		"/etc/ssl/shop.example.pem", s.cert, "/etc/ssl/shop.example.key", s.key)
}

// haproxyFor returns the configuration of HAProxy for a shop, with a line for its frontend.
func haproxyFor(t *testing.T, s site, m *fleet.Marketplace, address, line string) string {
	t.Helper()
	return replace(t, block(t, "HAProxy", "haproxy", 0), "    default_backend", line+"    default_backend", "bind :443", "bind "+address,
		"/etc/haproxy/shop.example.pem", s.both, "10.0.0.10:8080 check port 9090", hostOf(m.URL())+" check port "+m.Admin[strings.LastIndex(m.Admin, ":")+1:],
		"    server two 10.0.0.11:8080 check port 9090\n", "")
}

// caddyFor returns the configuration of Caddy for a shop, with a block of the docs around the proxy.
func caddyFor(t *testing.T, s site, m *fleet.Marketplace, address, around string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	end := ""
	if around != "" {
		end = "}\n"
	}
	return replace(t, block(t, "Caddy", "caddyfile", 0), "shop.example {", "shop.example:"+port+" {\n\tbind "+host,
		"/etc/ssl/shop.example.pem", s.cert, "/etc/ssl/shop.example.key", s.key, "\treverse_proxy 10.0.0.10:8080 10.0.0.11:8080", around+"\treverse_proxy "+hostOf(m.URL()),
		"health_port 9090", "health_port "+m.Admin[strings.LastIndex(m.Admin, ":")+1:], "\n\t}\n}", "\n\t}\n"+end+"}")
}

// testShops tests pages, files, writes and the live shelf of the shop, at the root and below a
// path, stripped or not.
func testShops(t *testing.T, f *fleet.Fleet, s site, root, below *fleet.Marketplace) {
	t.Helper()
	for _, test := range []struct {
		name string
		shop *fleet.Marketplace
		path string // of the public URL
		more string // what the docs have for the path
	}{
		{"nginx", root, "", ""},
		{"nginx, path passed on", below, "/shop", block(t, "nginx", "nginx", 1)},
		{"nginx, path stripped", below, "/shop", block(t, "nginx", "nginx", 2)},
		{"HAProxy", root, "", ""},
		{"HAProxy, path passed on", below, "/shop", ""},
		{"HAProxy, path stripped", below, "/shop", block(t, "HAProxy", "haproxy", 1)},
		{"Caddy", root, "", ""},
		{"Caddy, path stripped", below, "/shop", block(t, "Caddy", "caddyfile", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := f.FreeAddress().String()
			switch proxy, _, _ := strings.Cut(test.name, ","); proxy {
			case "nginx":
				startNginx(t, address, nginxFor(t, s, test.shop, address, test.more))
			case "HAProxy":
				startHAProxy(t, address, haproxyFor(t, s, test.shop, address, test.more))
			case "Caddy":
				startCaddy(t, address, caddyFor(t, s, test.shop, address, test.more))
			}
			v := visit{t, s.browser(t, address), test.path}
			v.pages()
			v.writes()
			v.file()
			v.liveShelf(test.shop.URL())
		})
	}
}

// visit is a browser at a shop behind a proxy.
type visit struct {
	t    *testing.T
	http *http.Client
	path string // of the public URL
}

// do sends a request below the path; headers are names and values in turn.
func (v visit) do(method, address, body string, headers ...string) (*http.Response, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, origin+v.path+address, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", formType)
		req.Header.Set("Origin", origin)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp, string(content)
}

// pages asks for the front page and all that it leads to.
func (v visit) pages() {
	v.t.Helper()
	front, page := v.do(http.MethodGet, "/", "")
	if front.StatusCode != http.StatusOK || front.ProtoMajor != 2 || front.Header.Get("Strict-Transport-Security") == "" {
		v.t.Errorf("front page: %s %s, %v", front.Proto, front.Status, front.Header)
	}
	links := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?:href|src)="(/[^"#]*)"`).FindAllStringSubmatch(page, -1) {
		links[match[1]] = true
	}
	if len(links) < 20 {
		v.t.Errorf("the front page leads to %d addresses only", len(links))
	}
	for link := range links {
		own, below := strings.CutPrefix(link, v.path+"/")
		if !below {
			v.t.Errorf("the front page leads to %s", link)
			continue
		}
		if resp, _ := v.do(http.MethodGet, "/"+own, ""); resp.StatusCode != http.StatusOK {
			v.t.Errorf("%s: %s", link, resp.Status)
		}
	}
	// What a client says about itself is not believed.
	if resp, page := v.do(http.MethodGet, "/your-books", "", header, "7", "X-Forwarded-Host", "evil.test"); resp.StatusCode != http.StatusOK || !strings.Contains(page, "nobody to us") {
		v.t.Errorf("a forged reader: %s, %d bytes that know somebody", resp.Status, len(page))
	}
	if resp, _ := v.do(http.MethodPost, "/interactions", "book=1&do=like", "Origin", "https://evil.test"); resp.StatusCode != http.StatusForbidden {
		v.t.Errorf("a form of another site: %s", resp.Status)
	}
	if resp, _ := v.do(http.MethodPost, "/interactions", strings.Repeat("x", 9000)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		v.t.Errorf("a body of 9 kB: %s", resp.Status)
	}
}

// writes likes a book as a browser without script does for the first time.
func (v visit) writes() {
	v.t.Helper()
	form := url.Values{"book": {"1"}, "do": {"like"}, "return": {v.path + "/books/1"}}.Encode()
	first, _ := v.do(http.MethodPost, "/interactions", form)
	if to := first.Header.Get("Location"); first.StatusCode != http.StatusTemporaryRedirect || to != v.path+"/interactions?again=yes" {
		v.t.Fatalf("a first like: %s, leads to %q", first.Status, to)
	}
	for _, c := range first.Cookies() {
		if !c.Secure || c.Path != cmp.Or(v.path, "/") {
			v.t.Errorf("the cookie %v", c)
		}
	}
	again, _ := v.do(http.MethodPost, "/interactions?again=yes", form)
	if to := again.Header.Get("Location"); again.StatusCode != http.StatusSeeOther || to != v.path+"/books/1" {
		v.t.Errorf("the like with a cookie: %s, leads to %q", again.Status, to)
	}
	if _, page := v.do(http.MethodGet, "/books/1", ""); !strings.Contains(page, `value="unlike"`) {
		v.t.Error("the like is not on the page of the book")
	}
}

// file brings a file of books, which is larger than any other form.
func (v visit) file() {
	v.t.Helper()
	const line = "----bookstall"
	file := "--" + line + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"export.csv\"\r\n\r\n" +
		"Title,Authors,Read Status,Star Rating,Review\nA book that no shop has,Nobody,read,5," + strings.Repeat("x", 4<<20) + "\n\r\n--" + line + "--\r\n"
	brought, page := v.do(http.MethodPost, "/your-books/bring", file, "Content-Type", "multipart/form-data; boundary="+line)
	if brought.StatusCode != http.StatusOK || !strings.Contains(page, "Not in this shop, or not to be told apart there: 1 book.") {
		v.t.Errorf("a file of 4 MB: %s %.300s", brought.Status, page)
	}
}

// event is a change of a live shelf.
type event struct {
	at   time.Time // when it arrived
	what string    // the line that says what changed; "" for the shelf as it is
}

// events follows the live shelf.
func (v visit) events(ctx context.Context, client *http.Client, address string, cookies []*http.Cookie) <-chan event {
	v.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	resp, err := client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	return read(v.t, resp)
}

// read returns the changes of a live shelf. The channel is closed at the end of the stream.
func read(t *testing.T, resp *http.Response) <-chan event {
	t.Helper()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("live shelf: %s, %v", resp.Status, resp.Header)
	}
	arrived := make(chan event, 10)
	go func() {
		defer close(arrived)
		defer resp.Body.Close()
		var e event
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			switch line := lines.Text(); {
			case line == "event: shelf":
				e = event{at: time.Now()}
			case strings.Contains(line, `class="changed"`):
				e.what = line
			case line == "" && !e.at.IsZero():
				arrived <- e
				e = event{}
			}
		}
	}()
	return arrived
}

// The bounds of what a proxy adds to the time from a like to its event. They are of the
// proxy alone, because the machine may be busy: each like is timed without it, too.
const (
	likes      = 90 // a reader may write 100 times at once
	typicalLag = 200 * time.Millisecond
	longestLag = 500 * time.Millisecond // of 99 %
)

// liveShelf likes and unlikes a book many times, and waits for the event of each change.
func (v visit) liveShelf(direct string) {
	v.t.Helper()
	ctx, leave := context.WithCancel(v.t.Context())
	defer leave()
	here, err := url.Parse(origin + v.path + "/")
	if err != nil {
		v.t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	streams := []<-chan event{
		v.events(ctx, v.http, origin+v.path+"/shelf/events", nil),
		v.events(ctx, &http.Client{Transport: transport}, direct+"/shelf/events", v.http.Jar.Cookies(here)),
	}
	next := func(what string) (through, past time.Time) {
		v.t.Helper()
		var last [2]event
		for i, stream := range streams {
			late := time.After(20 * time.Second)
			for last[i].at.IsZero() || !strings.Contains(last[i].what, what) { // first a write of before may arrive
				select {
				case e, open := <-stream:
					if !open {
						v.t.Fatalf("stream %d ended", i)
					}
					last[i] = e
				case <-late:
					v.t.Fatalf("stream %d: no event that has %q after 20 s", i, what)
				}
			}
		}
		return last[0].at, last[1].at
	}
	next("") // the shelf as it is
	var whole, added []time.Duration
	for i := range likes {
		do, what := "like", "you like"
		if i%2 == 1 {
			do, what = "unlike", "you took back"
		}
		began := time.Now()
		if resp, body := v.do(http.MethodPost, "/interactions", "book=2&do="+do, "Accept", "application/json"); resp.StatusCode != http.StatusOK {
			v.t.Fatalf("%s %d: %s\n%s", do, i, resp.Status, body)
		}
		through, past := next(what)
		whole, added = append(whole, through.Sub(began)), append(added, through.Sub(past))
	}
	leave()
	for _, stream := range streams {
		for range stream {
		}
	}
	slices.Sort(whole)
	slices.Sort(added)
	median, p99 := likes/2, likes*99/100
	v.t.Logf("%d changes of a live shelf: median %v, p99 %v; of these the proxy adds %v and %v",
		likes, whole[median], whole[p99], added[median], added[p99])
	if added[median] > typicalLag || added[p99] > longestLag {
		v.t.Errorf("the proxy adds %v, and %v at p99; want at most %v and %v", added[median], added[p99], typicalLag, longestLag)
	}
}

// testDefaults tests nginx with nothing but proxy_pass. It asks for the host of its upstream,
// which is the shop if that knows its public URL.
func testDefaults(t *testing.T, f *fleet.Fleet, s site, shop *fleet.Marketplace) {
	t.Helper()
	address := f.FreeAddress().String()
	startNginx(t, address, fmt.Sprintf(`
upstream bookstall { server %s; }
server {
    listen %s ssl http2;
    ssl_certificate %s;
    ssl_certificate_key %s;
    location / { proxy_pass http://bookstall; }
}`, hostOf(shop.URL()), address, s.cert, s.key))
	visit{t, s.browser(t, address), ""}.writes()
}

// testSignIn tests that nginx asks oauth2-proxy who a reader is. What readers say themselves
// does not count.
func testSignIn(t *testing.T, f *fleet.Fleet, s site, shop *fleet.Marketplace) {
	t.Helper()
	signIn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := r.Cookie("session")
		switch {
		case r.URL.Path != "/oauth2/auth":
			_, _ = io.WriteString(w, "sign in")
		case err != nil:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set(header, session.Value)
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	t.Cleanup(signIn.Close)
	address := f.FreeAddress().String()
	locations := replace(t, block(t, "Sign-in with oauth2-proxy", "nginx", 0), "127.0.0.1:4180", hostOf(signIn.URL))
	startNginx(t, address, replace(t, nginxFor(t, s, shop, address, locations), header+` "";`, header+` $reader;`))

	v := visit{t, s.browser(t, address), ""}
	if resp, _ := v.do(http.MethodGet, "/books?page=2", "", header, "5"); resp.StatusCode != http.StatusFound || !strings.HasSuffix(resp.Header.Get("Location"), "/oauth2/sign_in?rd=/books?page=2") {
		t.Errorf("without a session: %s, leads to %q", resp.Status, resp.Header.Get("Location"))
	}
	as := func(reader string) []string { return []string{"Cookie", "session=" + reader, header, "1"} }
	if resp, _ := v.do(http.MethodPost, "/interactions", "book=3&do=like", as("1000005")...); resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 0 {
		t.Errorf("a like: %s, cookies %v", resp.Status, resp.Cookies())
	}
	for reader, want := range map[string]bool{"1000005": true, "1000006": false} {
		if resp, page := v.do(http.MethodGet, "/your-books", "", as(reader)...); resp.StatusCode != http.StatusOK || strings.Contains(page, `href="/books/3"`) != want {
			t.Errorf("books of reader %s: %s, want the like there: %t", reader, resp.Status, want)
		}
	}
	if resp, _ := v.do(http.MethodGet, "/", "", as("ann")...); resp.StatusCode != http.StatusOK {
		t.Errorf("an id that is a text: %s", resp.Status)
	}
	if resp, _ := v.do(http.MethodGet, "/", "", as("4503599627370497")...); resp.StatusCode != http.StatusBadRequest { // a visitor's
		t.Errorf("an id that is none: %s", resp.Status)
	}
}
