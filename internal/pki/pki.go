// Package pki makes the certificates of mutual TLS between the shop and recommendations: a
// CA, and a certificate for each of the two programs. It is for trials, tests and small
// installations; the programs themselves take certificates from anywhere.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// clockSkew is how far the clock of another machine may be behind: certificates are valid
// from this long ago.
const clockSkew = time.Minute

// CA signs certificates.
type CA struct {
	Cert *x509.Certificate

	key *ecdsa.PrivateKey
}

// NewCA returns a CA that signs itself and is valid for the given time.
func NewCA(name string, life time.Duration) (*CA, error) {
	now := time.Now()
	return NewCAFrom(&x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it signs programs, and no other CA
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil)
}

// NewCAFrom returns a CA with a template, signed by parent; nil for itself.
func NewCAFrom(template *x509.Certificate, parent *CA) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &CA{Cert: template, key: key}
	if parent == nil {
		parent = ca
	}
	der, err := parent.sign(template, key)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	ca.Cert, err = x509.ParseCertificate(der)
	return ca, err
}

// sign returns a certificate for key.
func (ca *CA) sign(template *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	// A random serial number: the CA remembers none.
	return x509.CreateCertificate(rand.Reader, template, ca.Cert, &key.PublicKey, ca.key)
}

// Pair is a certificate and its private key, in PEM.
type Pair struct{ Cert, Key []byte }

// Issue returns a certificate as in template, with a new key.
func (ca *CA) Issue(template *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	der, err := ca.sign(template, key)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate: %w", err)
	}
	return pair(der, key)
}

// Pair returns the CA's certificate and key.
func (ca *CA) Pair() (Pair, error) { return pair(ca.Cert.Raw, ca.key) }

// ParseCA returns the CA of a pair. Of several certificates the first one counts.
func ParseCA(p Pair) (*CA, error) {
	certs, err := ParseCertificates(p.Cert)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(p.Key)
	if block == nil {
		return nil, errors.New("no private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(certs[0].PublicKey) {
		return nil, errors.New("the private key is not that of the CA's certificate")
	}
	return &CA{Cert: certs[0], key: signer}, nil
}

// ParseCertificates returns the certificates of a PEM file, of which there is at least one.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, cert)
	}
	if len(list) == 0 {
		return nil, errors.New("no certificate in PEM")
	}
	return list, nil
}

// Names returns the names of a certificate, its SPIFFE ID first.
func Names(cert *x509.Certificate) []string {
	var list []string
	for _, uri := range cert.URIs {
		list = append(list, uri.String())
	}
	return append(list, cert.DNSNames...)
}

// Leaf returns the template of a program's certificate. Each name is a DNS name or a SPIFFE
// ID.
func Leaf(names []string, usage x509.ExtKeyUsage, life time.Duration) (*x509.Certificate, error) {
	now := time.Now()
	cert := &x509.Certificate{
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
	}
	for _, name := range names {
		if !strings.Contains(name, "://") {
			cert.DNSNames = append(cert.DNSNames, name)
			continue
		}
		uri, err := url.Parse(name)
		if err != nil {
			return nil, err
		}
		cert.URIs = append(cert.URIs, uri)
	}
	if len(names) == 0 {
		return nil, errors.New("a certificate needs a name")
	}
	// For people who look at it: programs read the names above.
	cert.Subject = pkix.Name{CommonName: names[0]}
	return cert, nil
}

func pair(der []byte, key *ecdsa.PrivateKey) (Pair, error) {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}
