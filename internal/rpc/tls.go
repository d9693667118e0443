package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// TLSFiles are the PEM files for mutual TLS: each end presents a certificate and trusts
// one CA. They are read for every new connection, so replacing them rotates the
// certificates; existing connections last until MaxConnectionAge. The zero value means
// plaintext.
type TLSFiles struct {
	CertFile string `help:"PEM file of this program's certificate chain. Set all three --tls files for mutual TLS, or none for plaintext." placeholder:"FILE"`
	KeyFile  string `help:"PEM file of the certificate's private key." placeholder:"FILE"`
	CAFile   string `name:"ca-file" help:"PEM file of the CA that must have signed the other side's certificate." placeholder:"FILE"`
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
	pem, err := os.ReadFile(f.CAFile)
	if err != nil {
		return identity{}, fmt.Errorf("CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return identity{}, fmt.Errorf("CA: %s holds no certificate", f.CAFile)
	}
	return identity{cert: cert, ca: pool}, nil
}

// identity is the certificate that one end presents and the CA it trusts.
type identity struct {
	cert tls.Certificate
	ca   *x509.CertPool
}

func (id identity) config() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{id.cert},
		RootCAs:      id.ca,
		ClientCAs:    id.ca,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	}
}

// newCredentials returns credentials for either end: from files, or plaintext if none
// are set. A client expects the server's certificate to have the name given by
// grpc.WithAuthority.
func newCredentials(files TLSFiles, log logr.Logger) (credentials.TransportCredentials, error) {
	if !files.Enabled() {
		return insecure.NewCredentials(), nil
	}
	id, err := files.load()
	if err != nil {
		return nil, err
	}
	return &fileCredentials{files: files, log: log, last: &lastGood{id: id}}, nil
}

// fileCredentials are TLS credentials that read their files at each handshake.
type fileCredentials struct {
	files TLSFiles
	log   logr.Logger
	last  *lastGood
}

// lastGood is the last identity read without an error; it stays in use while the files
// are being replaced.
type lastGood struct {
	mu sync.Mutex
	id identity
}

func (c *fileCredentials) fresh() credentials.TransportCredentials {
	c.last.mu.Lock()
	defer c.last.mu.Unlock()
	if id, err := c.files.load(); err != nil {
		c.log.Error(err, "TLS files not readable, previous ones stay in use")
	} else {
		c.last.id = id
	}
	return credentials.NewTLS(c.last.id.config())
}

func (c *fileCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.fresh().ClientHandshake(ctx, authority, conn)
}

func (c *fileCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.fresh().ServerHandshake(conn)
}

func (c *fileCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (c *fileCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName implements credentials.TransportCredentials. It is deprecated and
// never called.
func (c *fileCredentials) OverrideServerName(string) error {
	return errors.New("not supported; use grpc.WithAuthority")
}
