package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/pki"
)

// TLSFiles are the PEM files for mutual TLS: each end presents a certificate and trusts
// one CA. They are read for every new connection, so replacing them rotates the
// certificates; existing connections last until MaxConnectionAge. The zero value means
// plaintext.
type TLSFiles struct {
	CertFile string `help:"PEM file of this program's certificate chain. Set all three --tls files for mutual TLS, or none for plaintext." placeholder:"FILE"`
	KeyFile  string `help:"PEM file of the certificate's private key." placeholder:"FILE"`
	CAFile   string `name:"ca-file" help:"PEM file of the CA that must have signed the other side's certificate, or of several: any of them may have." placeholder:"FILE"`
}

// Enabled reports whether TLS is on.
func (f TLSFiles) Enabled() bool { return f.CertFile != "" }

// Validate returns an error unless all files are set or none is.
func (f TLSFiles) Validate() error {
	if (f.CertFile == "") != (f.KeyFile == "") || (f.CertFile == "") != (f.CAFile == "") {
		return errors.New("set all of --tls-cert-file, --tls-key-file and --tls-ca-file, or none")
	}
	return nil
}

func (f TLSFiles) load() (identity, error) {
	cert, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
	if err != nil {
		return identity{}, fmt.Errorf("certificate: %w", err)
	}
	id := identity{cert: cert}
	for _, der := range cert.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return identity{}, fmt.Errorf("certificate: %w", err)
		}
		id.chain = append(id.chain, c)
	}
	text, err := os.ReadFile(f.CAFile)
	if err != nil {
		return identity{}, fmt.Errorf("CA: %w", err)
	}
	if id.cas, err = pki.ParseCertificates(text); err != nil {
		return identity{}, fmt.Errorf("CA: %s: %w", f.CAFile, err)
	}
	return id, nil
}

// identity is the certificate that one end presents and the CAs it trusts.
type identity struct {
	cert  tls.Certificate
	chain []*x509.Certificate // of cert, the leaf first
	cas   []*x509.Certificate
}

// config returns settings for either end. The other side's certificate must have the usage.
func (id identity) config(usage x509.ExtKeyUsage) *tls.Config {
	pool := x509.NewCertPool()
	for _, ca := range id.cas {
		pool.AddCert(ca)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{id.cert},
		// Without it, a client has no certificate for a server that does not trust its CA, and
		// the server cannot tell what is wrong.
		GetClientCertificate:   func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &id.cert, nil },
		RootCAs:                pool,
		ClientCAs:              pool,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true, // each connection shows the certificate of now
		VerifyConnection:       func(cs tls.ConnectionState) error { return verifyPeer(cs.PeerCertificates, usage) },
	}
}

// maxChain is the number of certificates that the other side may present: its own, and three
// of CAs in between.
const maxChain = 4

var (
	errChain = fmt.Errorf("the certificate comes with more than %d others", maxChain-1)
	errUsage = errors.New("the certificate is not for this use (extended key usage)")
)

// verifyPeer checks what crypto/tls does not: it takes a certificate without extended key
// usages for one with all.
func verifyPeer(certs []*x509.Certificate, usage x509.ExtKeyUsage) error {
	switch {
	case len(certs) > maxChain:
		return errChain
	case !slices.Contains(certs[0].ExtKeyUsage, usage):
		return errUsage
	}
	return nil
}

// period is the time in which a certificate is valid.
type period struct{ from, until time.Time }

// own returns when the certificate that this end presents is valid.
func (id identity) own() period {
	p := period{id.chain[0].NotBefore, id.chain[0].NotAfter}
	for _, c := range id.chain[1:] {
		if c.NotAfter.Before(p.until) {
			p.until = c.NotAfter
		}
	}
	return p
}

// ca returns when the CA is valid that signed the certificate which this end presents, or the
// CA that is valid longest if none of those that are trusted did.
func (id identity) ca() period {
	var longest *x509.Certificate
	last := id.chain[len(id.chain)-1]
	for _, ca := range id.cas {
		if last.CheckSignatureFrom(ca) == nil || last.Equal(ca) {
			return period{ca.NotBefore, ca.NotAfter}
		}
		if longest == nil || ca.NotAfter.After(longest.NotAfter) {
			longest = ca
		}
	}
	return period{longest.NotBefore, longest.NotAfter}
}

// tlsSource reads the identity from its files, and keeps the last good one for the time in
// which they are being replaced.
type tlsSource struct {
	files TLSFiles
	log   logr.Logger
	lines occasionally

	mu   sync.Mutex
	last identity
}

func newTLSSource(files TLSFiles, log logr.Logger) (*tlsSource, error) {
	id, err := files.load()
	if err != nil {
		return nil, err
	}
	return &tlsSource{files: files, log: log, last: id}, nil
}

// current returns the identity of now.
func (s *tlsSource) current() identity {
	id, err := s.files.load()
	if err != nil { // the key may have been replaced since the certificate was read
		id, err = s.files.load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.last = id
	} else if s.lines.due(err.Error()) {
		s.log.Error(err, "TLS files not readable, previous ones stay in use")
	}
	return s.last
}
