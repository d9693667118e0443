package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bookstall/internal/pki"
)

// counted returns the value of a counter or a gauge with a label.
func counted(t *testing.T, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s with %s", name, label)
	return 0
}

func usages(list ...x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.ExtKeyUsage = list }
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Minute)
}

func early(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
}

// behind issues a certificate by a CA that n others lead to, from root on.
func behind(t *testing.T, root testCA, n int, dir, name string) TLSFiles {
	t.Helper()
	signer := root
	var between []byte
	for range n {
		ca, err := pki.NewCAFrom(&x509.Certificate{
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign, DNSNames: []string{"ca.test"},
		}, signer.CA)
		if err != nil {
			t.Fatal(err)
		}
		own, err := ca.Pair()
		if err != nil {
			t.Fatal(err)
		}
		signer, between = testCA{ca}, append(own.Cert, between...)
	}
	files := signer.issue(t, dir, name)
	leaf, err := os.ReadFile(files.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	own, err := root.Pair()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tls.crt", append(leaf, between...))
	write(t, dir, "ca.crt", own.Cert)
	return files
}

// unbounded returns a CA that may sign other CAs.
func unbounded(t *testing.T) testCA {
	t.Helper()
	ca, err := pki.NewCAFrom(&x509.Certificate{
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign, DNSNames: []string{"root.test"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return testCA{ca}
}

// wrongCertificate is a certificate that the other end must refuse, and the reason.
type wrongCertificate struct {
	name, reason string
	issue        func(t *testing.T, ca testCA, dir, name string) TLSFiles
}

func wrongCertificates(other x509.ExtKeyUsage) []wrongCertificate {
	changed := func(change func(*x509.Certificate)) func(*testing.T, testCA, string, string) TLSFiles {
		return func(t *testing.T, ca testCA, dir, name string) TLSFiles {
			t.Helper()
			return ca.issue(t, dir, name, change)
		}
	}
	// The other end's CA is trusted, but another one signed the certificate.
	trusting := func(t *testing.T, ca testCA, files TLSFiles, dir string) TLSFiles {
		t.Helper()
		own, err := ca.Pair()
		if err != nil {
			t.Fatal(err)
		}
		files.CAFile = write(t, dir, "ca.crt", own.Cert)
		return files
	}
	return []wrongCertificate{
		{"of another CA", failedIssuer, func(t *testing.T, ca testCA, dir, name string) TLSFiles {
			t.Helper()
			return trusting(t, ca, newTestCA(t).issue(t, dir, name), dir)
		}},
		{"signed by itself", failedIssuer, func(t *testing.T, ca testCA, dir, name string) TLSFiles {
			t.Helper()
			template, err := pki.Leaf([]string{name}, x509.ExtKeyUsageClientAuth, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
			self, err := pki.NewCAFrom(template, nil)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := self.Pair()
			if err != nil {
				t.Fatal(err)
			}
			return trusting(t, ca, TLSFiles{CertFile: write(t, dir, "tls.crt", pair.Cert), KeyFile: write(t, dir, "tls.key", pair.Key)}, dir)
		}},
		{"without a usage", failedUsage, changed(usages())},
		{"for the other usage", failedUsage, changed(usages(other))},
		{"that has expired", failedTime, changed(expired)},
		{"that is not valid yet", failedTime, changed(early)},
		{"behind more CAs than its CA allows", failedChain, func(t *testing.T, ca testCA, dir, name string) TLSFiles {
			t.Helper()
			return behind(t, ca, 1, dir, name)
		}},
	}
}

func TestReplicaRefusesWrongCertificates(t *testing.T) {
	ca := newTestCA(t)
	var reg *prometheus.Registry
	r, err := startReplica(t, func(c *ServerConfig) {
		c.TLS, c.HealthAddress = ca.issue(t, t.TempDir(), tlsName), "127.0.0.1:0"
		reg = c.Telemetry.Registry
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(t *testing.T, reason string, connect func(t *testing.T)) {
		t.Helper()
		const metric = "rpc_server_handshakes_failed_total"
		before := counted(t, reg, metric, reason)
		connect(t)
		waitFor(t, "the failure counted as "+reason, func() bool { return counted(t, reg, metric, reason) > before })
		if n := r.calls.Load(); n != 0 {
			t.Errorf("%d calls were served", n)
		}
	}
	for _, wrong := range wrongCertificates(x509.ExtKeyUsageServerAuth) {
		t.Run(wrong.name, func(t *testing.T) {
			refused(t, wrong.reason, func(t *testing.T) {
				t.Helper()
				var told *prometheus.Registry
				client := dial(t, "dns:///"+r.Addr().String(), func(c *ClientConfig) {
					c.TLS, c.TLSServerName = wrong.issue(t, ca, t.TempDir(), "marketplace.test"), tlsName
					told = c.Telemetry.Registry
				})
				if err := call(client, time.Second); err == nil {
					t.Error("the call succeeded")
				}
				waitFor(t, "the client knows that it was refused", func() bool {
					return counted(t, told, "rpc_client_handshakes_failed_total", failedRefused) > 0
				})
			})
		})
	}
	for name, c := range map[string]struct {
		reason string
		config *tls.Config
	}{
		"no certificate": {failedMissing, &tls.Config{}},
		"TLS 1.2":        {failedVersion, &tls.Config{MaxVersion: tls.VersionTLS12}},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.reason, func(t *testing.T) {
				t.Helper()
				c.config.RootCAs, c.config.ServerName, c.config.NextProtos = x509.NewCertPool(), tlsName, []string{"h2"}
				c.config.RootCAs.AddCert(ca.Cert)
				conn, err := tls.Dial("tcp", r.Addr().String(), c.config)
				if err == nil {
					_, err = conn.Read(make([]byte, 1))
					conn.Close()
				}
				if err == nil {
					t.Error("the replica sent data")
				}
			})
		})
	}
	t.Run("plaintext", func(t *testing.T) {
		refused(t, failedPlaintext, func(t *testing.T) {
			t.Helper()
			if err := call(dial(t, "dns:///"+r.Addr().String(), nil), time.Second); err == nil {
				t.Error("the call succeeded")
			}
		})
	})
	t.Run("a long chain", func(t *testing.T) {
		root := unbounded(t)
		var reg *prometheus.Registry
		long, err := startReplica(t, func(c *ServerConfig) {
			c.TLS, c.HealthAddress = root.issue(t, t.TempDir(), tlsName), "127.0.0.1:0"
			reg = c.Telemetry.Registry
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := call(secureClient(t, long, behind(t, root, maxChain-1, t.TempDir(), "marketplace.test")), 5*time.Second); err != nil {
			t.Errorf("a chain of %d: %v", maxChain, err)
		}
		if err := call(secureClient(t, long, behind(t, root, maxChain, t.TempDir(), "marketplace.test")), time.Second); err == nil {
			t.Errorf("a chain of %d was accepted", maxChain+1)
		}
		if n := counted(t, reg, "rpc_server_handshakes_failed_total", failedChain); n == 0 {
			t.Error("not counted")
		}
	})
}

func TestClientRefusesWrongReplicas(t *testing.T) {
	ca := newTestCA(t)
	refused := func(t *testing.T, address net.Addr, reason string) {
		t.Helper()
		var reg *prometheus.Registry
		client := dial(t, "dns:///"+address.String(), func(c *ClientConfig) {
			c.TLS, c.TLSServerName = ca.issue(t, t.TempDir(), "marketplace.test"), tlsName
			reg = c.Telemetry.Registry
		})
		if err := call(client, time.Second); err == nil {
			t.Error("the call succeeded")
		}
		waitFor(t, "the failure counted as "+reason, func() bool {
			return counted(t, reg, "rpc_client_handshakes_failed_total", reason) > 0
		})
	}
	kinds := append(wrongCertificates(x509.ExtKeyUsageClientAuth),
		wrongCertificate{"with another name", failedName, func(t *testing.T, ca testCA, dir, _ string) TLSFiles {
			t.Helper()
			return ca.issue(t, dir, "recommendations.elsewhere.test")
		}})
	for _, wrong := range kinds {
		t.Run(wrong.name, func(t *testing.T) {
			r := secureReplica(t, wrong.issue(t, ca, t.TempDir(), tlsName), 0)
			refused(t, r.Addr(), wrong.reason)
		})
	}
	t.Run("TLS 1.2", func(t *testing.T) {
		files := ca.issue(t, t.TempDir(), tlsName)
		cert, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 1)) // handshakes
				conn.Close()
			}
		}()
		t.Cleanup(func() {
			l.Close()
			<-served
		})
		refused(t, l.Addr(), failedVersion)
	})
}

// TestExpiredReplica: a replica whose certificate expires while it runs is not serving and
// says why, until it is renewed.
func TestExpiredReplica(t *testing.T) {
	ca := newTestCA(t)
	dir := t.TempDir()
	files := ca.issue(t, dir, tlsName, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(2 * time.Second) })
	var reg *prometheus.Registry
	r, err := startReplica(t, func(c *ServerConfig) {
		c.TLS, c.HealthAddress = files, "127.0.0.1:0"
		reg = c.Telemetry.Registry
	})
	if err != nil {
		t.Fatal(err)
	}
	if ok, reason := r.ready.Ready(); !ok {
		t.Errorf("before: %s", reason)
	}
	waitFor(t, "the replica is not ready", func() bool { ok, _ := r.ready.Ready(); return !ok })
	if _, reason := r.ready.Ready(); !strings.Contains(reason, "TLS: the certificate expired at 20") {
		t.Errorf("reason %q", reason)
	}
	if err := CheckHealth(t.Context(), r.HealthAddr().String(), testService); err == nil {
		t.Error("SERVING with an expired certificate")
	}
	if until := counted(t, reg, "rpc_certificate_not_after_seconds", "own"); until > float64(time.Now().Unix()) {
		t.Errorf("expires at %.0f, which is not past", until)
	}
	if until := counted(t, reg, "rpc_certificate_not_after_seconds", "ca"); until != float64(ca.Cert.NotAfter.Unix()) {
		t.Errorf("the CA expires at %.0f, want %d", until, ca.Cert.NotAfter.Unix())
	}
	ca.issue(t, dir, tlsName)
	waitFor(t, "the replica is ready with a new certificate", func() bool { ok, _ := r.ready.Ready(); return ok })
	if err := call(secureClient(t, r, ca.issue(t, t.TempDir(), "marketplace.test")), 10*time.Second); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
}
