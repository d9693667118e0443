package rpc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"bookstall/internal/pki"
	"bookstall/internal/telemetry"
)

// TLSClients says which clients may call a server with mutual TLS, by the names in their
// certificates. With the zero value these are the names of the shop beside it; see
// shopNames.
type TLSClients struct {
	AllowedClients []string `help:"Clients that may call: the DNS names or SPIFFE IDs of their certificates. If empty, those of this program's own certificate, with marketplace in place of recommendations." placeholder:"NAME"`
	AllowedToRead  []string `help:"Clients that may make calls that change nothing; in place of --tls-allowed-clients, for such calls." placeholder:"NAME"`
	AllowedToWrite []string `help:"Clients that may make calls that write; in place of --tls-allowed-clients, for such calls." placeholder:"NAME"`
	UnknownClients string   `help:"What to do with other clients whose certificate is valid: refuse or warn, which lets them call, and logs and counts them." enum:"refuse,warn" default:"refuse"`
}

// unknownWarn is the value of UnknownClients that lets unknown clients call.
const unknownWarn = "warn"

const spiffe = "spiffe://"

// Validate returns an error that names what is neither a DNS name nor a SPIFFE ID.
func (c TLSClients) Validate() error {
	var errs []error
	for _, list := range []struct {
		flag  string
		names []string
	}{{"--tls-allowed-clients", c.AllowedClients}, {"--tls-allowed-to-read", c.AllowedToRead}, {"--tls-allowed-to-write", c.AllowedToWrite}} {
		for _, name := range list.names {
			if err := checkName(name); err != nil {
				errs = append(errs, fmt.Errorf("%s: %q %w", list.flag, name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// ValidateFor returns an error if clients are named and there are no certificates to know
// them by: everybody could call.
func (c TLSClients) ValidateFor(files TLSFiles) error {
	if files.Enabled() || len(c.AllowedClients)+len(c.AllowedToRead)+len(c.AllowedToWrite) == 0 {
		return c.Validate()
	}
	return errors.Join(errors.New("--tls-allowed-clients, --tls-allowed-to-read and --tls-allowed-to-write need --tls-cert-file, --tls-key-file and --tls-ca-file: without them calls are in plaintext, and anybody's"), c.Validate())
}

func checkName(name string) error {
	if strings.Contains(name, "://") {
		u, err := url.Parse(name)
		if err != nil || u.Scheme != "spiffe" || u.Host == "" || u.Path == "" || u.String() != name || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("is not a SPIFFE ID: want spiffe://TRUST-DOMAIN/PATH")
		}
		return nil
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return errors.New("is an IP address: want a DNS name or a SPIFFE ID")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return errors.New("is not a DNS name or a SPIFFE ID; names have no wildcards")
		}
	}
	return nil
}

// hasName reports whether a certificate has a DNS name or a SPIFFE ID. A wildcard in it
// stands for itself alone: it is for servers, and would make a client everybody of a domain.
func hasName(cert *x509.Certificate, name string) bool {
	if strings.HasPrefix(name, spiffe) {
		// A certificate with more than one URI is no SPIFFE identity.
		return len(cert.URIs) == 1 && cert.URIs[0].String() == name
	}
	return slices.ContainsFunc(cert.DNSNames, func(has string) bool {
		return strings.EqualFold(strings.TrimSuffix(has, "."), strings.TrimSuffix(name, "."))
	})
}

// shopNames returns the names that the shop has beside a replica with a certificate, in the
// naming of the chart: bookstall-recommendations.default.svc.cluster.local is called by
// bookstall-marketplace.default.svc.cluster.local, and spiffe://example.org/recommendations
// by spiffe://example.org/marketplace.
func shopNames(cert *x509.Certificate) []string {
	var list []string
	for _, name := range pki.Names(cert) {
		label, rest := name, ""
		before := ""
		if strings.HasPrefix(name, spiffe) {
			last := strings.LastIndex(name, "/")
			before, label = name[:last+1], name[last+1:]
		} else if dot := strings.Index(name, "."); dot >= 0 {
			label, rest = name[:dot], name[dot:]
		}
		if release, ok := strings.CutSuffix(label, "recommendations"); ok && (release == "" || strings.HasSuffix(release, "-")) {
			list = append(list, before+release+"marketplace"+rest)
		}
	}
	return list
}

// rules decide what the clients of a server may do.
type rules struct {
	TLSClients

	read    func(method string) bool
	denied  *prometheus.CounterVec
	unknown prometheus.Counter
	log     logr.Logger
	lines   occasionally
}

// newRules returns the rules of a server that presents id. It logs which they are.
func newRules(clients TLSClients, read func(method string) bool, id identity, reg prometheus.Registerer, log logr.Logger) (*rules, error) {
	r := &rules{TLSClients: clients, read: read, log: log}
	r.denied = promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "rpc_server_calls_denied_total",
		Help: "Calls with a valid certificate that were answered with PERMISSION_DENIED, by reason: the client may not read, or not write.",
	}, []string{"reason"})
	for _, kind := range []kind{reads, writes} {
		r.denied.WithLabelValues(string(kind))
	}
	r.unknown = promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "rpc_server_unknown_calls_total",
		Help: "Calls of clients that are not allowed to make them and that --tls-unknown-clients=warn lets through.",
	})
	rule := "the lists"
	if len(clients.AllowedClients) == 0 && (len(clients.AllowedToRead) == 0 || len(clients.AllowedToWrite) == 0) {
		rule = "the names of the own certificate, with marketplace in place of recommendations"
		if clients.UnknownClients != unknownWarn && len(shopNames(id.chain[0])) == 0 {
			return nil, fmt.Errorf("no client would be allowed to call: the certificate's names, %s, are not those of recommendations in the chart's naming; set --tls-allowed-clients",
				strings.Join(pki.Names(id.chain[0]), ", "))
		}
	}
	log.Info("clients are authorised by name", "rule", rule, "mayRead", r.allowed(reads, id), "mayWrite", r.allowed(writes, id),
		"others", clients.UnknownClients)
	return r, nil
}

// kind is what a call does.
type kind string

const (
	reads  kind = "read"
	writes kind = "write"
)

// allowed returns the names of the clients that may make calls of a kind.
func (r *rules) allowed(kind kind, own identity) []string {
	list := r.AllowedToRead
	if kind == writes {
		list = r.AllowedToWrite
	}
	switch {
	case len(list) > 0:
		return list
	case len(r.AllowedClients) > 0:
		return r.AllowedClients
	}
	return shopNames(own.chain[0])
}

// client is what a server knows about the client of a connection.
type client struct {
	credentials.TLSInfo

	names []string
	may   map[kind]bool
}

// judge returns what a client whose certificate is valid may do. It holds as long as the
// connection lives.
func (r *rules) judge(info credentials.AuthInfo, own identity) credentials.AuthInfo {
	checked, ok := info.(credentials.TLSInfo)
	if !ok || len(checked.State.PeerCertificates) == 0 {
		return info // may do nothing
	}
	cert := checked.State.PeerCertificates[0]
	c := client{TLSInfo: checked, names: pki.Names(cert), may: map[kind]bool{}}
	for _, kind := range []kind{reads, writes} {
		c.may[kind] = slices.ContainsFunc(r.allowed(kind, own), func(name string) bool { return hasName(cert, name) })
	}
	return c
}

// check returns PERMISSION_DENIED if the client may not call a method. Health is for all.
func (r *rules) check(ctx context.Context, method string) error {
	if isHealth(method) {
		return nil
	}
	kind := writes
	if !isOwn(method) || r.read != nil && r.read(method) {
		kind = reads
	}
	return r.admit(ctx, method, kind)
}

// rulesKey is the key in the context of a stream for its rules.
type rulesKey struct{}

// CheckWrite returns PERMISSION_DENIED if the client of a stream may not write. A stream that
// may write, besides reading, is admitted as reading; its handler asks before it writes.
func CheckWrite(ctx context.Context) error {
	r, ok := ctx.Value(rulesKey{}).(*rules)
	if !ok {
		return nil // no TLS
	}
	method, _ := grpc.Method(ctx)
	return r.admit(ctx, method, writes)
}

// admit returns PERMISSION_DENIED if the client may not make a call of a kind.
func (r *rules) admit(ctx context.Context, method string, kind kind) error {
	var c client
	if p, ok := peer.FromContext(ctx); ok {
		c, _ = p.AuthInfo.(client)
	}
	if c.may[kind] {
		return nil
	}
	names := strings.Join(c.names, ", ")
	line := func(msg string) {
		if r.lines.due(string(kind) + " " + names) {
			telemetry.Warn(telemetry.Logger(ctx, r.log), msg, "names", names, "method", method, "kind", kind)
		}
	}
	if r.UnknownClients == unknownWarn && c.may != nil {
		r.unknown.Inc()
		line("unknown client let through")
		return nil
	}
	r.denied.WithLabelValues(string(kind)).Inc()
	line("client refused")
	return status.Errorf(codes.PermissionDenied, "this replica does not allow %s to %s; it has --tls-allowed-clients", names, kind)
}
