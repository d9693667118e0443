package discovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// errEmpty says that DNS did answer, and that the name has no addresses. It
// differs from any other error, which is no answer.
var errEmpty = errors.New("the name has no addresses")

// lookupFunc returns at least one address, or errEmpty, or another error.
type lookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

// newLookup returns a lookup that asks server, or the system's servers when it
// is empty. The pure Go resolver is used in both cases: it is the one that says
// "no such host" and "server misbehaving" apart on every system.
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
		// The resolver gives up when ctx ends, but leaves a goroutine behind that
		// reads until its own timeout of five seconds.
		context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		return conn, nil
	}}
	return func(ctx context.Context, host string) ([]netip.Addr, error) {
		ips, err := res.LookupNetIP(ctx, "ip", host)
		var dnsErr *net.DNSError
		switch {
		case errors.As(err, &dnsErr) && dnsErr.IsNotFound:
			return nil, errEmpty
		case errors.As(err, &dnsErr) && server != "":
			// It names the system's server, which was not asked.
			return nil, &net.DNSError{Err: dnsErr.Err, Name: dnsErr.Name, Server: server, IsTimeout: dnsErr.IsTimeout, IsTemporary: dnsErr.IsTemporary}
		case err != nil:
			return nil, err
		case len(ips) == 0:
			return nil, errEmpty
		}
		for i := range ips {
			ips[i] = ips[i].Unmap()
		}
		// A server may give a new order in every answer; sorted, an unchanged
		// set is seen to be unchanged.
		slices.SortFunc(ips, netip.Addr.Compare)
		return slices.Compact(ips), nil
	}
}
