package config

import (
	"fmt"
	"net"
	"net/netip"
)

// LocalAddress returns the address at which a program on the same host reaches a server
// that listens on the given address: an unspecified host becomes the loopback address.
func LocalAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if port == "" || port == "0" {
		return "", fmt.Errorf("address %s: the port is picked at each start", listen)
	}
	switch ip, err := netip.ParseAddr(host); {
	case host == "", err == nil && ip.Is4() && ip.IsUnspecified():
		host = "127.0.0.1"
	case err == nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
