package rpc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"bookstall/internal/pki"
)

// testCA issues certificates for tests.
type testCA struct{ *pki.CA }

func newTestCA(t *testing.T) testCA {
	t.Helper()
	ca, err := pki.NewCA("test CA", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return testCA{ca}
}

// issue writes a certificate for name, its key and the CA's certificate to dir. It
// overwrites existing files. The certificate is for servers if name begins with
// recommendations, else for clients.
func (ca testCA) issue(t *testing.T, dir, name string, change ...func(*x509.Certificate)) TLSFiles {
	t.Helper()
	usage := x509.ExtKeyUsageClientAuth
	if strings.Contains(name, "recommendations") {
		usage = x509.ExtKeyUsageServerAuth
	}
	template, err := pki.Leaf([]string{name}, usage, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(template)
	}
	pair, err := ca.Issue(template)
	if err != nil {
		t.Fatal(err)
	}
	own, err := ca.Pair()
	if err != nil {
		t.Fatal(err)
	}
	return TLSFiles{
		CertFile: write(t, dir, "tls.crt", pair.Cert),
		KeyFile:  write(t, dir, "tls.key", pair.Key),
		CAFile:   write(t, dir, "ca.crt", own.Cert),
	}
}

func write(t *testing.T, dir, file string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const tlsName = "recommendations.test"

func secureReplica(t *testing.T, files TLSFiles, maxAge time.Duration) *replica {
	t.Helper()
	r, err := startReplica(t, func(c *ServerConfig) {
		c.TLS, c.HealthAddress = files, "127.0.0.1:0"
		c.MaxConnectionAge, c.MaxConnectionAgeGrace = maxAge, time.Second
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func secureClient(t *testing.T, r *replica, files TLSFiles) *Client {
	t.Helper()
	return dial(t, "dns:///"+r.Addr().String(), func(c *ClientConfig) { c.TLS, c.TLSServerName = files, tlsName })
}

func TestMutualTLS(t *testing.T) {
	ca := newTestCA(t)
	r := secureReplica(t, ca.issue(t, t.TempDir(), tlsName), 0)
	if err := call(secureClient(t, r, ca.issue(t, t.TempDir(), "marketplace.test")), 5*time.Second); err != nil {
		t.Errorf("a client with a certificate of the CA: %v", err)
	}

	stranger := newTestCA(t)
	if err := call(secureClient(t, r, stranger.issue(t, t.TempDir(), "marketplace.test")), time.Second); err == nil {
		t.Error("a client with a certificate of another CA was accepted")
	}
	if err := call(dial(t, "dns:///"+r.Addr().String(), nil), time.Second); err == nil {
		t.Error("a client without TLS was accepted")
	}
	wrongName := secureReplica(t, ca.issue(t, t.TempDir(), "recommendations.else.test"), 0)
	if err := call(secureClient(t, wrongName, ca.issue(t, t.TempDir(), "marketplace.test")), time.Second); err == nil {
		t.Error("the client accepted a certificate with another name")
	}
}

func TestCertificatesRotateWithoutRestart(t *testing.T) {
	old, fresh := newTestCA(t), newTestCA(t)
	serverDir, clientDir := t.TempDir(), t.TempDir()
	r := secureReplica(t, old.issue(t, serverDir, tlsName), 200*time.Millisecond)
	client := secureClient(t, r, old.issue(t, clientDir, "marketplace.test"))
	if err := call(client, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	// Both ends get certificates of a new CA. Connections reach their maximum age soon.
	fresh.issue(t, serverDir, tlsName)
	fresh.issue(t, clientDir, "marketplace.test")
	newcomer := secureClient(t, r, fresh.issue(t, t.TempDir(), "marketplace.test"))
	if err := call(newcomer, 5*time.Second); err != nil {
		t.Errorf("the server still trusts the old CA only: %v", err)
	}
	for until := time.Now().Add(time.Second); time.Now().Before(until); {
		if err := call(client, 5*time.Second); err != nil {
			t.Fatalf("call during rotation: %v, want no error", err)
		}
	}
	// While a file is incomplete, the previous certificate stays in use.
	if err := os.WriteFile(filepath.Join(serverDir, "tls.crt"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := call(secureClient(t, r, fresh.issue(t, t.TempDir(), "marketplace.test")), 5*time.Second); err != nil {
		t.Errorf("call with a damaged file: %v, want no error", err)
	}
}

func TestKubeletProbesNeedNoTLS(t *testing.T) {
	ca := newTestCA(t)
	r := secureReplica(t, ca.issue(t, t.TempDir(), tlsName), 0)
	conn, err := grpc.NewClient(r.HealthAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: testService})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetStatus()
	}
	if got := check(); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health while ready: %v, want SERVING", got)
	}
	r.ready.Drain()
	if got := check(); got != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health while draining: %v, want NOT_SERVING", got)
	}
}

func TestTLSFilesAreAllOrNone(t *testing.T) {
	if err := (TLSFiles{CertFile: "a"}).Validate(); err == nil || !strings.Contains(err.Error(), "--tls-key-file") {
		t.Errorf("certificate without a key: %v, want an error that names --tls-key-file", err)
	}
	for _, good := range []TLSFiles{{}, {"a", "b", "c"}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	_, err := NewServer(ServerConfig{TLS: TLSFiles{"/nowhere/a", "/nowhere/b", "/nowhere/c"}, Telemetry: newTelemetry(t)})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing files: %v, want os.ErrNotExist", err)
	}
}

func TestAuthority(t *testing.T) {
	for target, want := range map[string]string{
		"dns:///recommendations.shop.svc.cluster.local.:50051": "recommendations.shop.svc.cluster.local.",
		"dns://10.0.0.10:53/recommendations.test.:50051":       "recommendations.test.",
		fmt.Sprintf("dns:///%s", net.JoinHostPort("::1", "1")): "[::1]",
	} {
		if got := authority(ClientConfig{Target: target}); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	if got := authority(ClientConfig{Target: "dns:///a:1", TLSServerName: "b"}); got != "b" {
		t.Errorf("with TLSServerName: %q", got)
	}
}
