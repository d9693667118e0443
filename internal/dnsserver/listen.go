package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// freePortTries bounds the search for a port that is free on both transports.
const freePortTries = 20

// listen binds addr on TCP and on UDP, with the same port. TCP comes first, because
// reuseAddr lets UDP bind an address that another Server holds.
func listen(addr string) (*net.TCPListener, *net.UDPConn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, fmt.Errorf("DNS address: %w", err)
	}
	tries := 1
	if port == "0" || port == "" {
		tries = freePortTries
	}
	for ; ; tries-- {
		tcp, udp, err := listenOnce(host, port)
		if err == nil || tries <= 1 {
			return tcp, udp, err
		}
	}
}

func listenOnce(host, port string) (*net.TCPListener, *net.UDPConn, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, nil, err
	}
	tcp := l.(*net.TCPListener)
	same := net.JoinHostPort(host, strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port))

	lc := net.ListenConfig{Control: reuseAddr}
	pc, err := lc.ListenPacket(context.Background(), "udp", same)
	if err != nil {
		return nil, nil, errors.Join(err, tcp.Close())
	}
	return tcp, pc.(*net.UDPConn), nil
}

// reuseAddr allows binding 127.0.0.1:5353 beside a multicast DNS daemon (avahi,
// mDNSResponder), which holds 0.0.0.0:5353 on most desktops. The more specific address
// receives the datagrams.
func reuseAddr(_, _ string, c syscall.RawConn) error {
	var optErr error
	err := c.Control(func(fd uintptr) {
		optErr = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	})
	if err != nil {
		return err
	}
	return optErr
}
