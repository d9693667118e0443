package httpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves cfg on a free port, and returns the server, its URL and what Serve
// will return.
func start(t *testing.T, cfg Config) (*Server, string, <-chan error) {
	t.Helper()
	cfg.Address = "127.0.0.1:0"
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	t.Cleanup(func() { _ = s.http.Close() })
	return s, "http://" + s.Addr().String(), served
}

func get(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// held returns a handler that reports each request and answers when release is
// closed.
func held() (handler http.Handler, entered chan struct{}, release chan struct{}) {
	entered, release = make(chan struct{}, 1), make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	}), entered, release
}

func TestStopWaitsForRequestsInFlight(t *testing.T) {
	handler, entered, release := held()
	s, url, served := start(t, Config{Handler: handler, Log: logr.Discard()})
	var body string
	answered := make(chan error, 1)
	go func() {
		var err error
		body, err = get(url)
		answered <- err
	}()
	<-entered

	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
	if conn, err := net.Dial("tcp", s.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("a stopping server accepts connections")
	}
	select {
	case err := <-stopped:
		t.Errorf("Stop returned %v before the request was answered", err)
	default:
	}
	close(release)
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v, want nil", err)
	}
	if err := <-answered; err != nil || body != "done" {
		t.Errorf("the request in flight: %q, %v", body, err)
	}
}

func TestStopCutsRequestsAtItsDeadline(t *testing.T) {
	handler, entered, release := held()
	defer close(release)
	s, url, _ := start(t, Config{Handler: handler, Log: logr.Discard()})
	answered := make(chan error, 1)
	go func() {
		_, err := get(url)
		answered <- err
	}()
	<-entered

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "requests in flight were cut") {
		t.Errorf("Stop: %v, want the context's error and that requests were cut", err)
	}
	if err := <-answered; err == nil {
		t.Error("the request in flight was answered, want a cut connection")
	}
}

func TestListen(t *testing.T) {
	s, err := Listen(Config{Address: "127.0.0.1:0", Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Config{Address: s.Addr().String(), Log: logr.Discard()}); err == nil {
		t.Error("an address in use: no error")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Listen(Config{Address: s.Addr().String(), Log: logr.Discard()})
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	// Stopped before it serves, as when another part of the program breaks at once.
	if err := again.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := again.Serve(); err != nil {
		t.Errorf("Serve after Stop: %v, want nil", err)
	}
	if conn, err := net.Dial("tcp", again.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the address is still bound after Stop and Serve")
	}
}

// The log reports a handler's panic; the timeouts and limits reach net/http.
func TestConfigReachesTheServer(t *testing.T) {
	var mu sync.Mutex
	var lines strings.Builder
	log := funcr.New(func(prefix, args string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&lines, prefix, args)
	}, funcr.Options{})
	connected := make(chan struct{}, 8)
	s, url, _ := start(t, Config{
		Handler:     http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }),
		ReadTimeout: 2 * time.Second, WriteTimeout: 3 * time.Second, MaxHeaderBytes: 4096,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connected <- struct{}{}
			}
		},
		Log: log,
	})
	if s.http.ReadTimeout != 2*time.Second || s.http.WriteTimeout != 3*time.Second || s.http.MaxHeaderBytes != 4096 ||
		s.http.ReadHeaderTimeout != 5*time.Second || s.http.IdleTimeout != 2*time.Minute {
		t.Errorf("limits: %+v", s.http)
	}
	if _, err := get(url); err == nil {
		t.Error("a handler that panics answered")
	}
	<-connected
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := lines.String(); !strings.HasPrefix(got, "http ") || !strings.Contains(got, "boom") {
		t.Errorf("log %q, want the panic under the name http", got)
	}
}

// The limit of headers is exact: on a new connection, on one that was used before, and for
// requests that were sent in advance, whose beginning net/http has read already.
func TestHeadersAreBounded(t *testing.T) {
	const most = 16 << 10
	_, url, _ := start(t, Config{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), MaxHeaderBytes: most, Log: logr.Discard(),
	})
	request := func(size int, with string) string {
		text := "GET / HTTP/1.1\r\nHost: shop.test\r\n" + with + "X-Long: \r\n\r\n"
		return strings.Replace(text, "X-Long: ", "X-Long: "+strings.Repeat("a", size-len(text)), 1)
	}
	short := request(1000, "")
	for what, c := range map[string]struct {
		before string
		last   string
		want   int
	}{
		"at the limit":                {"", request(most, ""), http.StatusOK},
		"above it":                    {"", request(most+1, ""), http.StatusRequestHeaderFieldsTooLarge},
		"far above it":                {"", request(most+4000, ""), http.StatusRequestHeaderFieldsTooLarge},
		"at the limit, in advance":    {short, request(most, ""), http.StatusOK},
		"above it, in advance":        {short, request(most+1, ""), http.StatusRequestHeaderFieldsTooLarge},
		"trailers above the limit":    {"", request(most+1, "Transfer-Encoding: chunked\r\nTrailer: "+strings.Repeat("b", 8000)+"\r\n"), http.StatusRequestHeaderFieldsTooLarge},
		"a body that does not arrive": {"", request(most+1, "Content-Length: 10\r\n"), http.StatusRequestHeaderFieldsTooLarge},
	} {
		t.Run(what, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // a server that waits for the body does so for ever
			if _, err := io.WriteString(conn, c.before+c.last); err != nil {
				t.Fatal(err)
			}
			answers := bufio.NewReader(conn)
			if c.before != "" {
				if resp, err := http.ReadResponse(answers, nil); err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("the request before: %v, %v", resp, err)
				}
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.want || resp.Close != (c.want != http.StatusOK) {
				t.Errorf("status %d, closed %v; want %d", resp.StatusCode, resp.Close, c.want)
			}
		})
	}
}
