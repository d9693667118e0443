// Package edge knows what is between readers and the shop: its public URL, the hosts that
// it answers to, and the proxies in front of it. It decides who sent a request, whether it
// is meant for this shop, and whether a page of this shop sent it.
package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Errors of requests that are refused.
var (
	ErrHost   = errors.New("request for another host")
	ErrOrigin = errors.New("request from a page of another origin")
	ErrReader = errors.New("reader named by somebody who is no proxy of the shop")
)

// HostError is an ErrHost.
type HostError struct{ Host string }

func (e *HostError) Error() string { return fmt.Sprintf("%v: %q", ErrHost, e.Host) }

// Unwrap returns ErrHost.
func (*HostError) Unwrap() error { return ErrHost }

// OriginError is an ErrOrigin. Origin is "" if the browser said only that it is another one.
type OriginError struct{ Origin, Shop string }

func (e *OriginError) Error() string {
	return fmt.Sprintf("%v: %q, the shop is %q", ErrOrigin, e.Origin, e.Shop)
}

// Unwrap returns ErrOrigin.
func (*OriginError) Unwrap() error { return ErrOrigin }

// Config says what is in front of the shop. All fields are optional.
type Config struct {
	PublicURL             URL
	AllowedHosts          []string // besides that of PublicURL; *.NAME for all hosts of a domain
	Listen                string   // host:port where the shop listens
	Proxies               Proxies
	ReaderHeader          string // in which Proxies name the reader who is signed in
	HSTSIncludeSubdomains bool
}

// Edge decides about requests. It does not change after New.
type Edge struct {
	cfg    Config
	hosts  []string // names and addresses that are allowed; empty for all
	suffix []string // .NAME of domains whose hosts are allowed
	anyIP  bool     // whether any address is allowed
	origin *http.CrossOriginProtection
}

// New checks the configuration.
func New(cfg Config) (*Edge, error) {
	e := &Edge{cfg: cfg, origin: http.NewCrossOriginProtection()}
	if !cfg.PublicURL.IsZero() {
		if err := e.origin.AddTrustedOrigin(cfg.PublicURL.Origin()); err != nil {
			return nil, err
		}
		name, _ := hostname(cfg.PublicURL.host) // valid by ParseURL
		e.hosts = append(e.hosts, name)
	}
	for _, host := range cfg.AllowedHosts {
		name, ok := hostname(strings.TrimPrefix(strings.TrimSpace(host), "*"))
		switch {
		case !ok:
			return nil, fmt.Errorf("%q is not a host", host)
		case strings.HasPrefix(name, "."):
			e.suffix = append(e.suffix, name)
		default:
			e.hosts = append(e.hosts, name)
		}
	}
	if e.AnyHost() {
		return e, nil
	}
	// These are no names that somebody else's DNS can point to the shop, and health checks
	// and port forwarding use them.
	bound, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	e.hosts = append(e.hosts, "localhost")
	if addr, err := netip.ParseAddr(bound); bound == "" || err == nil && addr.IsUnspecified() {
		e.anyIP = true
	} else if name, ok := hostname(bound); ok {
		e.hosts = append(e.hosts, name)
	}
	return e, nil
}

// AnyHost reports whether the shop answers to every host, because the settings name none.
func (e *Edge) AnyHost() bool { return len(e.hosts)+len(e.suffix) == 0 }

// PublicURL returns where readers reach the shop; the zero URL if it is not known.
func (e *Edge) PublicURL() URL { return e.cfg.PublicURL }

// Arrival is how a request came.
type Arrival struct {
	Peer   netip.Addr // the other end of the connection; not valid if unknown
	Client netip.Addr // who sent it, as far as the proxies that are believed say; not valid if unknown
	// Proxied says that Peer is a proxy that is believed.
	Proxied bool
	scheme  string // "" if unknown
}

// Source returns the network by which limits know the sender of a request: its address, or
// the /64 of an IPv6 address, of which one subscriber has all. ok is false if it may not be
// limited: without a proxy that is believed, a peer that is not public may be a proxy, such
// as an Ingress, by which all readers come.
func (a Arrival) Source() (network netip.Prefix, ok bool) {
	addr := a.Client
	if !addr.IsValid() || !a.Proxied && !public(addr) {
		return netip.Prefix{}, false
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.Prefix(bits)
	return network, err == nil
}

// shared are the addresses between a provider and its subscribers (RFC 6598), which clusters
// use for pods, too.
func shared() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) }

func public(addr netip.Addr) bool {
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !shared().Contains(addr)
}

type contextKey struct{}

// ArrivalOf returns how a request came that Arrive returned.
func ArrivalOf(ctx context.Context) Arrival {
	a, _ := ctx.Value(contextKey{}).(Arrival)
	return a
}

// Arrive returns a request that knows its Arrival, with the Host that its sender asked for,
// and without the path of the public URL.
func (e *Edge) Arrive(r *http.Request) *http.Request {
	var a Arrival
	host := r.Host
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		a.Peer = peer.Addr().Unmap().WithZone("")
		a.Client = a.Peer
	}
	if a.Peer.IsValid() && e.cfg.Proxies.trust(a.Peer) {
		f := e.cfg.Proxies.read(r.Header)
		a.Proxied, a.Client, a.scheme = true, f.client, f.scheme
		switch {
		case f.host != "":
			host = f.host
		case !e.knows(host) && !e.cfg.PublicURL.IsZero():
			host = e.cfg.PublicURL.host // the proxy asks by a name of its own
		}
	}
	r = r.WithContext(context.WithValue(r.Context(), contextKey{}, a))
	r.Host = host
	if root := e.cfg.PublicURL.root; root != "" {
		u := *r.URL
		u.Path, u.RawPath = root.Cut(u.Path), root.Cut(u.RawPath)
		r.URL = &u
	}
	return r
}

// CheckHost returns a HostError if the request is not meant for this shop: a page of another
// site may have its own name resolve to the shop's address, and then read what the shop
// answers.
func (e *Edge) CheckHost(r *http.Request) error {
	if e.knows(r.Host) || e.mayBeProxied(r) {
		return nil
	}
	return &HostError{Host: r.Host}
}

// mayBeProxied reports whether a request for a host that the settings do not name may come by
// a proxy that calls the shop by a name without a dot, as nginx does by that of its upstream.
// In a home, an office or a cluster, a page of another site may have such a name, too. So
// these hosts get pages only, and CheckOrigin lets pages of the public URL alone write there;
// where the settings name the proxies, nobody else gets anything.
func (e *Edge) mayBeProxied(r *http.Request) bool {
	name, ok := hostname(r.Host)
	if !ok || strings.ContainsAny(name, ".:") || e.cfg.PublicURL.IsZero() || strings.HasPrefix(r.URL.Path+"/", "/api/") {
		return false
	}
	if len(e.cfg.Proxies) > 0 && !ArrivalOf(r.Context()).Proxied {
		return false
	}
	switch r.Header.Get("Origin") {
	case e.cfg.PublicURL.Origin():
		return true
	case "":
		return !e.cfg.PublicURL.local() // whose readers need no proxy
	}
	return !safe(r) // CheckOrigin refuses it, and names both origins
}

// safe reports whether a request changes nothing, by its method.
func safe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

// knows reports whether the settings say that a host is the shop's.
func (e *Edge) knows(host string) bool {
	if e.AnyHost() || host == "" { // a browser always sends one
		return true
	}
	name, ok := hostname(host)
	if !ok {
		return false
	}
	if slices.Contains(e.hosts, name) || slices.ContainsFunc(e.suffix, func(s string) bool { return strings.HasSuffix(name, s) }) {
		return true
	}
	_, err := netip.ParseAddr(name)
	return e.anyIP && err == nil
}

// atPublicURL reports whether a request is for the public URL's host.
func (e *Edge) atPublicURL(r *http.Request) bool {
	if e.cfg.PublicURL.IsZero() {
		return false
	}
	got, _ := hostname(r.Host)
	want, _ := hostname(e.cfg.PublicURL.host)
	return got == want
}

// CheckOrigin returns an OriginError if a page of another origin made a browser send the
// request, and it may change something.
func (e *Edge) CheckOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	// CrossOriginProtection compares hosts only. A page that came by plain HTTP may be from
	// anybody on the way, and one by HTTPS from another program of the host. Browsers that do
	// not send Sec-Fetch-Site, as none does by plain HTTP, tell by Origin only.
	scheme, host, _ := strings.Cut(origin, "://")
	known := e.scheme(r) // "" if HTTPS may end before the shop
	otherScheme := known != "" && scheme != known && host == r.Host && r.Header.Get("Sec-Fetch-Site") == ""
	// A page at a host that may be a proxy's own name, or that of another site.
	unnamed := !e.knows(r.Host) && origin != e.cfg.PublicURL.Origin()
	if e.origin.Check(r) == nil && (safe(r) || !otherScheme && !unnamed) {
		return nil
	}
	shop := r.Host
	if e.atPublicURL(r) || !e.knows(r.Host) { // a name of the proxy's own says nothing to readers
		shop = e.cfg.PublicURL.Origin()
	} else if s := e.scheme(r); s != "" {
		shop = s + "://" + r.Host
	}
	return &OriginError{Origin: origin, Shop: shop}
}

// scheme returns the scheme by which the sender reached the shop, "" if unknown.
func (e *Edge) scheme(r *http.Request) string {
	if e.atPublicURL(r) {
		return e.cfg.PublicURL.scheme
	}
	return ArrivalOf(r.Context()).scheme
}

// Reader returns the text by which a proxy names the reader who is signed in, "" for nobody,
// or ErrReader if it is not from a proxy that is believed. A text that comes twice has a comma.
func (e *Edge) Reader(r *http.Request) (string, error) {
	if e.cfg.ReaderHeader == "" {
		return "", nil
	}
	text := strings.Join(values(r.Header, e.cfg.ReaderHeader), ",")
	if text != "" && !ArrivalOf(r.Context()).Proxied {
		return "", ErrReader
	}
	return text, nil
}

// ReaderHeader returns the header that Reader reads, "" for none.
func (e *Edge) ReaderHeader() string { return e.cfg.ReaderHeader }

// hstsYear is for how long browsers use HTTPS only, in seconds: a year, the least that
// browsers' preload lists take.
const hstsYear = "31536000"

// StrictTransportSecurity returns the value of that header for the answer to a request, ""
// for none. Only the public URL is known to be served by HTTPS.
func (e *Edge) StrictTransportSecurity(r *http.Request) string {
	switch {
	case !e.cfg.PublicURL.Secure() || !e.atPublicURL(r):
		return ""
	case e.cfg.HSTSIncludeSubdomains:
		return "max-age=" + hstsYear + "; includeSubDomains"
	}
	return "max-age=" + hstsYear
}
