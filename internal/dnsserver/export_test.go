package dnsserver

import "syscall"

// ReuseAddr lets a test bind as a multicast DNS daemon does.
func ReuseAddr(network, address string, c syscall.RawConn) error {
	return reuseAddr(network, address, c)
}
