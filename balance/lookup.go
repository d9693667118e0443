package balance

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// lookupFunc returns at least one address or an error.
type lookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

// newLookup returns a lookup that queries server, or the system's servers if it is empty.
// Both use the pure Go resolver, which tells "no such host" from "server misbehaving" on
// every system.
func newLookup(server string) lookupFunc {
	res := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if server != "" {
			address = server
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// When ctx ends, the resolver leaves a goroutine behind that reads until its own
		// timeout of five seconds.
		context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		return conn, nil
	}}
	return func(ctx context.Context, host string) ([]netip.Addr, error) {
		ips, err := res.LookupNetIP(ctx, "ip", host)
		var dnsErr *net.DNSError
		switch {
		case errors.As(err, &dnsErr) && dnsErr.IsNotFound:
			return nil, ErrNoAddresses
		case errors.As(err, &dnsErr) && server != "":
			// dnsErr names the system's server, which was not queried.
			return nil, &net.DNSError{Err: dnsErr.Err, Name: dnsErr.Name, Server: server, IsTimeout: dnsErr.IsTimeout, IsTemporary: dnsErr.IsTemporary}
		case err != nil:
			return nil, err
		case len(ips) == 0:
			return nil, ErrNoAddresses
		}
		for i := range ips {
			ips[i] = ips[i].Unmap()
		}
		// A server may change the order in every answer; sorted, an unchanged set of
		// addresses compares equal.
		slices.SortFunc(ips, netip.Addr.Compare)
		return slices.Compact(ips), nil
	}
}
