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
	refused := make(chan struct{}, 10)
	l := Cap(plain, 2, func() { refused <- struct{}{} })
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
	dial()
	dial()
	first, second := <-accepted, <-accepted
	third := dial()
	<-refused
	if err := third.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(third); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection beyond the limit stays open")
	}
	_ = first.Close()
	_ = first.Close() // counts once
	dial()
	(<-accepted).Close()
	_ = second.Close()
}
