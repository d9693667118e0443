package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc/credentials"

	"bookstall/internal/pki"
	"bookstall/internal/telemetry"
)

// Reasons why a handshake failed.
const (
	failedIssuer    = "issuer"     // no CA that is trusted has signed the certificate
	failedName      = "name"       // a replica's certificate has another name
	failedUsage     = "usage"      // not for clients, or not for servers
	failedTime      = "time"       // not valid yet or no more
	failedChain     = "chain"      // too long
	failedMissing   = "missing"    // no certificate
	failedVersion   = "version"    // no TLS 1.3
	failedPlaintext = "plaintext"  // no TLS
	failedRefused   = "other_side" // it refused ours
	failedOther     = "other"
)

func failedReasons() []string {
	return []string{
		failedIssuer, failedName, failedUsage, failedTime, failedChain, failedMissing, failedVersion, failedPlaintext, failedRefused, failedOther,
	}
}

// failures counts and logs handshakes that failed, on either end.
type failures struct {
	count *prometheus.CounterVec
	log   logr.Logger
	msg   string
	lines occasionally
}

func newFailures(reg prometheus.Registerer, log logr.Logger, name, help, msg string) *failures {
	f := &failures{
		count: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
			Name: name,
			Help: help + ", by reason: issuer, name, usage, time, chain (too long), missing, version, plaintext, other_side (it refused ours) or other.",
		}, []string{"reason"}),
		log: log, msg: msg,
	}
	for _, reason := range failedReasons() {
		f.count.WithLabelValues(reason)
	}
	return f
}

// add takes a failed handshake with the other side at address.
func (f *failures) add(address net.Addr, reason string, err error) {
	if reason == "" {
		return
	}
	f.count.WithLabelValues(reason).Inc()
	host := address.String()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h // a client has another port for each connection
	}
	if !f.lines.due(reason + " " + host) {
		return
	}
	keys := []any{"address", address.String(), "reason", reason, "error", err.Error()}
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0 {
		keys = append(keys, "names", pki.Names(unverified.UnverifiedCertificates[0]))
	}
	telemetry.Warn(f.log, f.msg, keys...)
}

// failedReason returns why a handshake failed; "" if the connection ended, which says nothing.
func failedReason(err error) string {
	var (
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
		plaintext tls.RecordHeaderError
		network   *net.OpError
	)
	for text, reason := range failedText() {
		if strings.Contains(err.Error(), text) {
			return reason
		}
	}
	switch {
	case errors.Is(err, errUsage):
		return failedUsage
	case errors.Is(err, errChain):
		return failedChain
	case errors.As(err, &authority):
		return failedIssuer
	case errors.As(err, &host):
		return failedName
	case errors.As(err, &plaintext):
		return failedPlaintext
	case errors.As(err, &invalid):
		switch invalid.Reason {
		case x509.Expired:
			return failedTime
		case x509.IncompatibleUsage:
			return failedUsage
		case x509.TooManyIntermediates:
			return failedChain
		case x509.NotAuthorizedToSign:
			return failedIssuer
		default:
			return failedOther
		}
	case errors.As(err, &network):
		if network.Op == "remote error" {
			return failedRefused
		}
		return ""
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ""
	}
	return failedOther
}

// failedText has the errors of crypto/tls that have no type, and their reasons.
func failedText() map[string]string {
	return map[string]string{
		"remote error: tls: protocol version not supported": failedVersion,
		"tls: client didn't provide a certificate":          failedMissing,
		"tls: client offered only unsupported versions":     failedVersion,
	}
}

// tlsCredentials is what the credentials of both ends have in common.
type tlsCredentials struct {
	source *tlsSource
	failed *failures
}

// Info implements credentials.TransportCredentials.
func (tlsCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// OverrideServerName implements credentials.TransportCredentials. It is deprecated and
// never called.
func (tlsCredentials) OverrideServerName(string) error {
	return errors.New("not supported; use grpc.WithAuthority")
}

// errWrongEnd is the answer of the credentials of one end to the other.
var errWrongEnd = errors.New("credentials of the other end")

// serverCredentials read their files at each handshake.
type serverCredentials struct {
	tlsCredentials

	rules *rules
}

// ServerHandshake implements credentials.TransportCredentials.
func (c *serverCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	id := c.source.current()
	config := id.config(x509.ExtKeyUsageClientAuth)
	conn, info, err := credentials.NewTLS(config).ServerHandshake(raw)
	if err != nil {
		c.failed.add(raw.RemoteAddr(), failedReason(err), err)
		return nil, nil, err
	}
	return conn, c.rules.judge(info, id), nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (c *serverCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errWrongEnd
}

// Clone implements credentials.TransportCredentials.
func (c *serverCredentials) Clone() credentials.TransportCredentials { return c }

// clientCredentials read their files at each handshake. The server's certificate must have
// the name given by grpc.WithAuthority.
type clientCredentials struct{ tlsCredentials }

// ClientHandshake implements credentials.TransportCredentials.
func (c *clientCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config := c.source.current().config(x509.ExtKeyUsageServerAuth)
	conn, info, err := credentials.NewTLS(config).ClientHandshake(ctx, authority, raw)
	if err != nil {
		c.failed.add(raw.RemoteAddr(), failedReason(err), err)
		return nil, nil, err
	}
	return &firstRead{Conn: conn, failed: c.failed}, info, nil
}

// ServerHandshake implements credentials.TransportCredentials.
func (c *clientCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errWrongEnd
}

// Clone implements credentials.TransportCredentials.
func (c *clientCredentials) Clone() credentials.TransportCredentials { return c }

// firstRead is a connection of a client whose handshake is complete. In TLS 1.3 the server
// checks the client's certificate after that, and the first read tells whether it refused it.
type firstRead struct {
	net.Conn

	failed *failures
	done   bool // of the goroutine that reads
}

// Read implements net.Conn.
func (c *firstRead) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.done {
		c.done = true
		if err != nil && failedReason(err) == failedRefused {
			c.failed.add(c.RemoteAddr(), failedRefused, err)
		}
	}
	return n, err
}
