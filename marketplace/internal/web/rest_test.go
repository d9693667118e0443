package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
)

// pipes is a listener of connections in memory, for the time of a synctest bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// pipedShelf is a live shelf in a synctest bubble.
type pipedShelf struct {
	*testShop
	browser net.Conn
	body    *bufio.Reader
	drain   func()
}

// openPipedShelf calls do with a live shelf whose first event was read. The shop has the other end
// of the browser's connection, as wrap returns it.
func openPipedShelf(t *testing.T, wrap func(net.Conn) net.Conn, do func(p pipedShelf)) {
	t.Helper()
	draining, drain := context.WithCancel(t.Context())
	defer drain()
	s := newQuietShop(t, fewBooks(), func(c *Config) { c.Draining = draining })
	s.t = t
	listener, server := make(pipes), &http.Server{Handler: s.handler, ReadTimeout: time.Second, WriteTimeout: time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // until the listener fails
	}()
	browser, conn := net.Pipe()
	listener <- wrap(conn)
	r := httptest.NewRequest(http.MethodGet, "/shelf/events?after=0", nil)
	r.Header.Set("Cookie", cookieOf(testCookie(), signed.Identity{Own: signed.FirstVisitor, Generation: 1}))
	if err := r.Write(browser); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(browser), r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p := pipedShelf{s, browser, bufio.NewReader(resp.Body), drain}
	if first := p.line(); !strings.HasPrefix(first, "retry: ") {
		t.Errorf("the first event is %q", first)
	}
	do(p)
	close(listener)
	<-done
}

// withPipedShelf calls do with a live shelf whose first event was read, in a synctest bubble.
func withPipedShelf(t *testing.T, do func(p pipedShelf)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		openPipedShelf(t, func(c net.Conn) net.Conn { return c }, func(p pipedShelf) {
			do(p)
			synctest.Wait()
			if n := gauge(t, p.registry, "web_live_streams"); n != 0 {
				t.Errorf("%d streams at the end", n)
			}
			if lines := p.log.with("/shelf/events"); len(lines) != 1 {
				t.Errorf("%d lines of the stream: %q", len(lines), lines)
			}
		})
	})
}

// line returns the line of an event that has one.
func (p pipedShelf) line() string {
	p.t.Helper()
	line, err := p.body.ReadString('\n')
	if _, blank := p.body.ReadString('\n'); err != nil || blank != nil {
		p.t.Fatal(err, blank)
	}
	return line
}

// A silent stream sends heartbeats, and ends when its browser disconnects.
func TestLiveHeartbeat(t *testing.T) {
	withPipedShelf(t, func(p pipedShelf) {
		for range 3 {
			began := time.Now()
			if beat := p.line(); beat != ":\n" || time.Since(began) != 15*time.Second {
				p.t.Errorf("%q after %v", beat, time.Since(began))
			}
		}
		p.browser.Close()
	})
}

// A browser that reads nothing holds no stream: a heartbeat must be read within 10 s.
func TestALiveShelfThatNobodyReadsEnds(t *testing.T) {
	withPipedShelf(t, func(p pipedShelf) {
		defer p.browser.Close()
		<-time.After(25*time.Second - time.Millisecond)
		synctest.Wait()
		if n := gauge(p.t, p.registry, "web_live_streams"); n != 1 {
			p.t.Errorf("%d streams within the deadline", n)
		}
		<-time.After(2 * time.Millisecond)
	})
}

// A browser that sends more than its request is served.
func TestALiveShelfIgnoresWhatItsBrowserSends(t *testing.T) {
	withPipedShelf(t, func(p pipedShelf) {
		if _, err := io.WriteString(p.browser, "G"); err != nil {
			p.t.Fatal(err)
		}
		if beat := p.line(); beat != ":\n" {
			p.t.Errorf("%q", beat)
		}
		p.browser.Close()
	})
}

// A shop that drains waits a second for a browser that does not read, and not longer.
func TestALiveShelfThatNobodyReadsDrains(t *testing.T) {
	withPipedShelf(t, func(p pipedShelf) {
		defer p.browser.Close()
		p.drain()
		<-time.After(time.Second + time.Millisecond)
	})
}

// tellingConn sends a value when a Write is about to wait for its reader.
type tellingConn struct {
	net.Conn
	writes chan struct{}
}

func (c tellingConn) Write(b []byte) (int, error) {
	select {
	case c.writes <- struct{}{}:
	default:
	}
	return c.Conn.Write(b)
}

// A shelf that is on its way to a browser that does not read gets a second too, once the shop
// drains, and not the rest of its ten.
func TestAWriteThatNobodyReadsDrains(t *testing.T) {
	writes := make(chan struct{}, 1)
	openPipedShelf(t, func(c net.Conn) net.Conn { return tellingConn{c, writes} }, func(p pipedShelf) {
		defer p.browser.Close()
		<-writes // of the first event
		if _, err := p.recommender.Record(t.Context(), recommend.Interaction{ID: "a", UserID: signed.FirstVisitor, BookID: 1, Kind: recommend.Like}); err != nil {
			t.Fatal(err)
		}
		<-writes
		began := time.Now()
		p.drain()
		shop, _ := p.handler.(*Shop)
		if err := shop.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the shelf ended after %v, want a second", took)
		}
	})
}

// HTTP/1.0 has no chunks. All bytes of the body are in the log.
func TestALiveShelfOfHTTP10(t *testing.T) {
	draining, drain := context.WithCancel(t.Context())
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Draining = draining })
	s.own()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := httptest.NewRequest(http.MethodGet, s.url+"/shelf/events?after=0", nil)
	for _, c := range s.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	if _, err := io.WriteString(conn, "GET /shelf/events?after=0 HTTP/1.0\r\nHost: "+r.Host+"\r\nCookie: "+r.Header.Get("Cookie")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || len(resp.TransferEncoding) > 0 {
		t.Errorf("status %d, encoding %v", resp.StatusCode, resp.TransferEncoding)
	}
	var read strings.Builder
	e := &events{Response: resp, lines: bufio.NewScanner(io.TeeReader(resp.Body, &read))}
	s.act("5", "like")
	if id, _, _ := e.next(t); id != s.at(1) {
		t.Errorf("event %s", id)
	}
	drain()
	for e.lines.Scan() {
	}
	s.streamsEnd(0)
	if lines := s.log.with("/shelf/events"); len(lines) != 1 || !strings.Contains(lines[0], `"status":200,"bytes":`+strconv.Itoa(read.Len())+",") {
		t.Errorf("%d bytes were read, and logged %q", read.Len(), lines)
	}
}

// A panic of a live shelf cuts its connection, and is counted and logged like others.
func TestAPanicOfALiveShelf(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.recommender.panics = true
	e := s.follow("/shelf/events?after=0", "X-Request-ID", "panic-shelf-1")
	if body, err := io.ReadAll(e.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v; want a body without its end", body, err)
	}
	s.streamsEnd(0)
	lines := s.log.with("request panicked")
	if len(lines) != 1 || !strings.Contains(lines[0], "secret") || !strings.Contains(lines[0], `"requestID":"panic-shelf-1"`) || !strings.Contains(lines[0], `"route":"/shelf/events"`) ||
		!strings.Contains(lines[0], "fakeRecommender") { // in the stack, of another goroutine than that of the log
		t.Errorf("log of the panic: %q", lines)
	}
	if n := gauge(t, s.registry, "http_server_panics_total"); n != 1 {
		t.Errorf("%d panics", n)
	}
	s.do("HEAD", "/shelf/events", "").want(t, 200)
}

// The shop waits for its live shelves.
func TestWait(t *testing.T) {
	draining, drain := context.WithCancel(t.Context())
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Draining = draining })
	s.own()
	s.follow("/shelf/events?after=0")
	shop, _ := s.handler.(*Shop)
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := shop.Wait(late); err == nil {
		t.Error("no error although a live shelf is open")
	}
	drain()
	if err := shop.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if lines := s.log.with("/shelf/events"); len(lines) != 1 {
		t.Errorf("%d lines of the stream: %q", len(lines), lines)
	}
}
