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

// TLSFiles are the PEM files of mutual TLS: both ends show a certificate and
// trust those of one CA. They are read anew for every connection, so replacing
// them rotates; connections made before live on until MaxConnectionAge.
type TLSFiles struct {
	CertFile string `help:"PEM file of this program's certificate chain. With the other two --tls files: mutual TLS; without: plaintext." placeholder:"FILE"`
	KeyFile  string `help:"PEM file of the certificate's key." placeholder:"FILE"`
	CAFile   string `name:"ca-file" help:"PEM file of the CA that the other side's certificate must come from." placeholder:"FILE"`
}

// Enabled reports whether TLS is on.
func (f TLSFiles) Enabled() bool { return f.CertFile != "" }

// Validate reports settings that do not go together.
func (f TLSFiles) Validate() error {
	if (f.CertFile == "") != (f.KeyFile == "") || (f.CertFile == "") != (f.CAFile == "") {
		return errors.New("--tls-cert-file, --tls-key-file and --tls-ca-file go together: set all three or none")
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

// identity is what one end shows and trusts.
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

// newCredentials returns credentials for either end: of files, or plaintext
// when there are none. A client asks of the server's certificate the name that
// it dials, or its grpc.WithAuthority.
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

// fileCredentials are TLS credentials that read their files for each handshake.
type fileCredentials struct {
	files TLSFiles
	log   logr.Logger
	last  *lastGood
}

// lastGood is the identity that serves while the files are being replaced.
type lastGood struct {
	mu sync.Mutex
	id identity
}

func (c *fileCredentials) fresh() credentials.TransportCredentials {
	c.last.mu.Lock()
	defer c.last.mu.Unlock()
	if id, err := c.files.load(); err != nil {
		c.log.Error(err, "TLS files cannot be read; those read before stay in use")
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

// OverrideServerName implements credentials.TransportCredentials; gRPC has
// deprecated it, and nothing here calls it.
func (c *fileCredentials) OverrideServerName(string) error {
	return errors.New("not supported; use grpc.WithAuthority")
}
