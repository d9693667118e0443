package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses of the proxies in front of the shop, which are believed.
type Proxies []netip.Prefix

// ParseProxies reads addresses and CIDRs.
func ParseProxies(list []string) (Proxies, error) {
	var proxies Proxies
	for _, text := range list {
		text = strings.TrimSpace(text)
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is neither an address nor a CIDR", text)
			}
			addr = addr.Unmap()
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Bits() == 0 {
			return nil, fmt.Errorf("%s would believe everybody", text)
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// trust reports whether an address is that of a proxy.
func (p Proxies) trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// forwarded is what the proxies say about a request.
type forwarded struct {
	client       netip.Addr // the last address that is no proxy; not valid without one
	scheme, host string     // "" if they do not say
}

// read reads X-Forwarded-For, -Proto and -Host of a request that comes from a proxy. Each
// proxy appends the address that it was called from, so only the values that proxies added
// are believed: those from the right end, as far as they are addresses of proxies, and one
// more.
func (p Proxies) read(h http.Header) forwarded {
	var f forwarded
	hops := 0 // proxies before the last one
	addresses := values(h, "X-Forwarded-For")
	for i := len(addresses) - 1; i >= 0; i-- {
		addr, ok := parseAddress(addresses[i])
		if !ok {
			break
		}
		if !p.trust(addr) {
			f.client = addr
			break
		}
		hops++
	}
	// A proxy may append to these headers, too, or replace them.
	of := func(list []string) string {
		if len(list) == 0 {
			return ""
		}
		return list[max(0, len(list)-1-hops)]
	}
	if s := strings.ToLower(of(values(h, "X-Forwarded-Proto"))); s == "http" || s == "https" {
		f.scheme = s
	}
	if host := of(values(h, "X-Forwarded-Host")); host != "" {
		if _, ok := hostname(host); ok {
			f.host = strings.ToLower(host)
		}
	}
	return f
}

// values returns the elements of a header that is a list.
func values(h http.Header, name string) []string {
	var list []string
	for _, line := range h.Values(name) {
		for v := range strings.SplitSeq(line, ",") {
			list = append(list, strings.TrimSpace(v))
		}
	}
	return list
}

// parseAddress reads an address, which may have a port.
func parseAddress(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}
