package edge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// URL is where readers reach the shop: a scheme, a host and perhaps a path. The zero value
// means that it is not known.
type URL struct {
	scheme string
	host   string // in lower case, with the port unless it is that of the scheme
	root   Root
}

// ParseURL reads https://HOST/PATH or http://HOST/PATH, with a port and without, and with a
// path and without.
func ParseURL(text string) (URL, error) {
	const want = "want https://HOST or http://HOST, perhaps with :PORT and a /PATH"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return URL{}, fmt.Errorf("not a URL, %s", want)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return URL{}, errors.New(want)
	}
	root, ok := parseRoot(u.Path)
	if !ok {
		return URL{}, fmt.Errorf("has the path %s: want names of letters, digits, dots, underscores and hyphens, with a / before each", u.Path)
	}
	name, ok := hostname(u.Host)
	if !ok {
		return URL{}, fmt.Errorf("%q is not a host; an international name must be in its ASCII form (xn--…)", u.Host)
	}
	port := u.Port()
	if port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		port = ""
	}
	host := name
	switch {
	case port != "":
		host = net.JoinHostPort(name, port)
	case strings.Contains(name, ":"):
		host = "[" + name + "]"
	}
	return URL{scheme: u.Scheme, host: host, root: root}, nil
}

// IsZero reports whether the URL is not known.
func (u URL) IsZero() bool { return u == URL{} }

// Secure reports whether readers reach the shop by HTTPS.
func (u URL) Secure() bool { return u.scheme == "https" }

// local reports whether only this machine can use the URL.
func (u URL) local() bool {
	name, _ := hostname(u.host) // valid by ParseURL
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

// Origin returns the URL as browsers write it in the header Origin: without the path.
func (u URL) Origin() string { return u.scheme + "://" + u.host }

// Root returns the path of the URL.
func (u URL) Root() Root { return u.root }

// To returns the URL of an address of the shop; "" if this URL is not known.
func (u URL) To(address string) string {
	if u.IsZero() {
		return ""
	}
	return u.Origin() + u.root.To(address)
}

// Root is the path under which readers reach the shop, such as /shop; "" for the root of the
// host. The shop's own addresses do not have it: it is cut from requests, and added to all
// that browsers are told.
type Root string

const maxRoot = 128 // bytes

// parseRoot reads the path of a URL. It admits only what no browser and no proxy escapes, and
// what is valid in the name of a cookie.
func parseRoot(path string) (root Root, ok bool) {
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return "", true
	}
	if len(path) > maxRoot || path[0] != '/' {
		return "", false
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		if name == "" || strings.Trim(name, ".") == "" || strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
		}) {
			return "", false
		}
	}
	return Root(path), true
}

// To returns an address of the shop as browsers ask for it.
func (r Root) To(address string) string { return string(r) + address }

// Cut returns an address without the root, which it may have or not: some proxies strip it.
func (r Root) Cut(address string) string {
	rest, found := strings.CutPrefix(address, string(r))
	switch {
	case r == "" || !found:
		return address
	case rest == "" || strings.ContainsRune("?#", rune(rest[0])):
		return "/" + rest
	case rest[0] != '/': // only begins alike
		return address
	}
	return rest
}

// hostname returns the name or address in a Host header: in lower case, without port, brackets
// and the dot at the end.
func hostname(host string) (name string, ok bool) {
	name = host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			return "", false
		}
		name = h
	} else if inner, found := strings.CutPrefix(host, "["); found {
		name = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return addr.Unmap().String(), true
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > 253 {
		return "", false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_' {
			return "", false
		}
	}
	return name, true
}
