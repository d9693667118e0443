package balance

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"

	"google.golang.org/grpc/resolver"
)

// Addresses looks up the addresses behind the dial target text once, for callers that do
// not use gRPC. A name without addresses is an error.
func Addresses(ctx context.Context, text string) ([]netip.AddrPort, error) {
	if err := CheckTarget(text); err != nil {
		return nil, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err // cannot happen: CheckTarget has parsed it
	}
	t, err := parseTarget(resolver.Target{URL: *u})
	if err != nil {
		return nil, err
	}
	if ip, ok := t.literal(); ok {
		return []netip.AddrPort{netip.AddrPortFrom(ip, t.port)}, nil
	}
	ips, err := newLookup(t.server)(ctx, t.host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", t.host, err)
	}
	list := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		list[i] = netip.AddrPortFrom(ip, t.port)
	}
	return list, nil
}
