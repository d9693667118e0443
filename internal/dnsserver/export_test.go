package dnsserver

import "syscall"

// ReuseAddr is the socket option with which a multicast DNS daemon binds.
func ReuseAddr(network, address string, c syscall.RawConn) error {
	return reuseAddr(network, address, c)
}
