package balance

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc/resolver"
)

// target is a parsed dial target.
type target struct {
	server string // host:port of the DNS server; "" for the system's
	host   string
	port   uint16
}

// CheckTarget returns an error that wraps ErrTarget if text is not a valid dial target. gRPC
// itself reports that no earlier than at the first call.
func CheckTarget(text string) error {
	u, err := url.Parse(text)
	// Other parts of a URL have no use here, and would complicate replacing the port.
	if err != nil || u.Scheme != "dns" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(text, "%") {
		return fmt.Errorf("%w %q: want dns:///NAME:PORT or dns://SERVER/NAME:PORT", ErrTarget, text)
	}
	_, err = parseTarget(resolver.Target{URL: *u})
	return err
}

func parseTarget(t resolver.Target) (target, error) {
	var parsed target
	host, port, err := net.SplitHostPort(t.Endpoint())
	if err != nil || host == "" {
		return target{}, fmt.Errorf("%w %q: want dns:///NAME:PORT or dns://SERVER/NAME:PORT", ErrTarget, t.String())
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return target{}, fmt.Errorf("%w %q: port %q is not a number from 1 to 65535", ErrTarget, t.String(), port)
	}
	parsed.host, parsed.port = host, uint16(n)

	if t.URL.Host == "" {
		return parsed, nil
	}
	parsed.server = t.URL.Host
	name, port, err := net.SplitHostPort(parsed.server)
	var addrErr *net.AddrError
	if errors.As(err, &addrErr) && addrErr.Err == "missing port in address" {
		parsed.server = net.JoinHostPort(t.URL.Hostname(), "53")
		name, port, err = net.SplitHostPort(parsed.server)
	}
	if err != nil || name == "" || port == "" {
		return target{}, fmt.Errorf("%w %q: DNS server %q: want HOST or HOST:PORT", ErrTarget, t.String(), t.URL.Host)
	}
	return parsed, nil
}

// literal returns the host if it is an IP address, which needs no lookup.
func (t target) literal() (netip.Addr, bool) {
	ip, err := netip.ParseAddr(t.host)
	return ip, err == nil
}
