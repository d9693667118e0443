package fleet

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// startEcho runs a server that sends back what it receives, until the end of the test.
func startEcho(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func startTestRelay(t *testing.T, behind ...string) *Relay {
	t.Helper()
	r, err := startRelay("127.0.0.1:0", func() []string { return behind })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func dialRelay(t *testing.T, r *Relay) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// echo sends a byte and waits until it is back.
func echo(c net.Conn) error {
	if _, err := c.Write([]byte{7}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func TestARelayForwardsDataAndItsEnd(t *testing.T) {
	c := dialRelay(t, startTestRelay(t, startEcho(t)))
	const text = "there and back"
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != text {
		t.Errorf("read %q, %v; want %q", got, err, text)
	}
}

func TestADelayHoldsInBothDirections(t *testing.T) {
	const each = 100 * time.Millisecond
	r := startTestRelay(t, startEcho(t))
	c := dialRelay(t, r)
	r.SetDelay(each)
	began := time.Now()
	if err := echo(c); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 2*each {
		t.Errorf("there and back took %v, want %v at least", took, 2*each)
	}
}

func TestResetEndsPresentConnectionsOnly(t *testing.T) {
	r := startTestRelay(t, startEcho(t))
	c := dialRelay(t, r)
	if err := echo(c); err != nil {
		t.Fatal(err)
	}
	if n := r.Reset(); n != 1 {
		t.Errorf("%d connections reset, want 1", n)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read after Reset: %v, want ECONNRESET", err)
	}
	if err := echo(dialRelay(t, r)); err != nil {
		t.Errorf("new connection after Reset: %v", err)
	}
}

func TestTheNextIsTriedWhereOneRefuses(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refusing.Close()
	if err := echo(dialRelay(t, startTestRelay(t, refusing.Addr().String(), startEcho(t)))); err != nil {
		t.Error(err)
	}
	c, err := net.Dial("tcp", startTestRelay(t, refusing.Addr().String()).Addr())
	if err == nil { // the reset may come before Dial returns
		err = echo(c)
		_ = c.Close()
	}
	if err == nil {
		t.Error("without a server behind the relay, a connection works")
	}
}

// fakeShop is a shop and its admin port in one.
type fakeShop struct {
	ready atomic.Bool
	calls atomic.Int64
}

func (f *fakeShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/readyz":
		f.calls.Add(1)
	case !f.ready.Load():
		http.Error(w, "draining", http.StatusServiceUnavailable)
	}
}

func TestASwitchHonoursReadiness(t *testing.T) {
	s, err := newSwitch()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	shops := [2]fakeShop{}
	for i := range shops {
		server := httptest.NewServer(&shops[i])
		defer server.Close()
		s.add(&Marketplace{&Process{Admin: server.URL}, strings.TrimPrefix(server.URL, "http://")})
	}
	ready := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); s.Ready() != want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d shops are ready, want %d", s.Ready(), want)
			}
		}
	}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	call := func(n int) (got [2]int64) {
		t.Helper()
		before := [2]int64{shops[0].calls.Load(), shops[1].calls.Load()}
		for range n {
			resp, err := client.Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		return [2]int64{shops[0].calls.Load() - before[0], shops[1].calls.Load() - before[1]}
	}

	if _, err := client.Get(s.URL); err == nil {
		t.Error("with no shop ready, a call was answered")
	}
	shops[0].ready.Store(true)
	shops[1].ready.Store(true)
	ready(2)
	if got := call(10); got != [2]int64{5, 5} {
		t.Errorf("with both shops ready: %v calls, want 5 each", got)
	}
	shops[0].ready.Store(false)
	ready(1)
	if got := call(10); got != [2]int64{0, 10} {
		t.Errorf("with the second shop ready: %v calls, want all 10 there", got)
	}
}
