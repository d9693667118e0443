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

// URL is where readers reach the shop: a scheme and a host. The zero value means that it is
// not known.
type URL struct {
	scheme string
	host   string // in lower case, with the port unless it is that of the scheme
}

// ParseURL reads https://HOST, http://HOST, or either with a port.
func ParseURL(text string) (URL, error) {
	const want = "want https://HOST or http://HOST, perhaps with :PORT"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return URL{}, fmt.Errorf("not a URL, %s", want)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return URL{}, errors.New(want)
	case u.Path != "" && u.Path != "/":
		return URL{}, fmt.Errorf("has the path %s, which the shop does not support: %s", u.Path, want)
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
	return URL{scheme: u.Scheme, host: host}, nil
}

// IsZero reports whether the URL is not known.
func (u URL) IsZero() bool { return u == URL{} }

// Secure reports whether readers reach the shop by HTTPS.
func (u URL) Secure() bool { return u.scheme == "https" }

// Origin returns the URL as browsers write it in the header Origin.
func (u URL) Origin() string { return u.scheme + "://" + u.host }

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
