//go:build !race

package listen

import (
	"net"
	"testing"
)

func TestAllocationsOfSetIdle(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Cap(plain, 1, func(string) {})
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const allowed = 1 // the element of the list
	if n := testing.AllocsPerRun(100, func() {
		l.SetIdle(c.RemoteAddr(), false)
		l.SetIdle(c.RemoteAddr(), true)
	}); n > allowed {
		t.Errorf("%v allocations for a request, want at most %d", n, allowed)
	}
	if l.Idle() != 1 {
		t.Errorf("%d idle connections, want 1", l.Idle())
	}
}
