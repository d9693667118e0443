package attack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

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
