package listen

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

func TestAffordable(t *testing.T) {
	for _, test := range []struct {
		wanted int
		files  uint64
		want   int
	}{{1000, 0, 1000}, {1000, 1 << 20, 1000}, {1000, 1256, 1000}, {1000, 1255, 999}, {1000, 1024, 768}, {1000, 512, 256}, {1000, 256, 128}, {100, 512, 100}} {
		if got := affordable(test.wanted, test.files); got != test.want {
			t.Errorf("of %d connections with %d files: %d, want %d", test.wanted, test.files, got, test.want)
		}
	}
}

func TestCap(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut := make(chan string, 10)
	l := Cap(plain, 2, func(reason string) { cut <- reason })
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	wantEnd := func(c net.Conn, reason string) {
		t.Helper()
		if got := <-cut; got != reason {
			t.Errorf("a connection is cut as %q, want %q", got, reason)
		}
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection that is cut as %q stays open", reason)
		}
	}
	first := dial()
	atFirst := <-accepted
	second := dial()
	atSecond := <-accepted
	l.SetIdle(atFirst.RemoteAddr(), false)
	l.SetIdle(atFirst.RemoteAddr(), true) // later than the second

	third := dial()
	atThird := <-accepted
	wantEnd(second, Idle)
	_ = atSecond.Close() // changes nothing
	l.SetIdle(atSecond.RemoteAddr(), true)
	l.SetIdle(atFirst.RemoteAddr(), false)
	l.SetIdle(atThird.RemoteAddr(), false)
	wantEnd(dial(), Refused)

	_ = atFirst.Close()
	_ = atFirst.Close() // counts once
	fourth := dial()
	l.SetIdle((<-accepted).RemoteAddr(), false)
	wantEnd(dial(), Refused)
	for _, c := range []net.Conn{first, third, fourth} {
		_ = c.Close()
	}
	if len(cut) > 0 {
		t.Errorf("one more is cut as %q", <-cut)
	}
}
