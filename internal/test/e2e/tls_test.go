//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bookstall/internal/lab/load"
	"bookstall/internal/pki"
)

// mounted is how long a kubelet may take to give the pods a Secret that has changed.
var mounted = bound{"mounted", 3 * time.Minute}

// TestCertificates renews the certificates of both programs and of the database twice and rolls
// the CA over, by changed Secrets and in the steps of docs/tls.md, under load.
func TestCertificates(t *testing.T) {
	n := newNamespace(t)
	folder := pki.Folder{Path: filepath.Join(t.TempDir(), "certs"), Programs: pki.Programs(""), Life: 24 * time.Hour, CALife: 48 * time.Hour}
	for i, p := range folder.Programs {
		folder.Programs[i].Names = []string{fmt.Sprintf("%s-%s.%s.svc.cluster.local", release, p.Name, n.name)}
	}
	programs := slices.Clone(folder.Programs)
	databaseHost := fmt.Sprintf("%s-postgresql.%s.svc.cluster.local", release, n.name)
	folder.Programs = append(folder.Programs, pki.Program{Name: "postgresql", Names: []string{databaseHost}, Usage: x509.ExtKeyUsageServerAuth})
	if _, err := folder.Create(); err != nil {
		t.Fatal(err)
	}
	changes := 0
	apply := func() {
		t.Helper()
		for _, p := range folder.Programs {
			n.apply(t, secret(t, folder, p.Name))
		}
		// The kubelet looks at the Secrets of a pod every minute or so, and when the pod changes.
		changes++
		n.kubectl(t, "annotate", "pods", "-l", "app.kubernetes.io/instance="+release, "--overwrite", fmt.Sprint("example.com/secrets=", changes))
	}
	apply()
	n.install(t, database, "tls.enabled=true", "tls.secretName=recommendations", "tls.clientSecretName=marketplace", "tls.postgresqlSecretName=postgresql",
		"tls.allowedClients[0]="+folder.Programs[0].Names[0], "recommendations.maxConnectionAge=5s")
	databaseAddress := n.forward(t, release+"-postgresql", "postgresql")
	running := n.startLoad(t, time.Minute)

	// shown waits until all pods show the certificate that they have now.
	shown := func(what string) {
		t.Helper()
		began := time.Now()
		for _, p := range programs {
			leaf, err := folder.Leaf(p.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, pod := range n.pods(t, p.Name) {
				until(t, mounted, pod+" has "+what, func() bool {
					return n.metric(t, pod, "rpc_certificate_not_after_seconds", `certificate="own"`) == float64(leaf.NotAfter.Unix())
				})
			}
		}
		leaf, err := folder.Leaf("postgresql")
		if err != nil {
			t.Fatal(err)
		}
		until(t, mounted, "the database has "+what, func() bool { return databaseShows(t, folder, databaseAddress, databaseHost).Equal(leaf) })
		t.Logf("all pods have %s after %.0f s", what, time.Since(began).Seconds())
	}
	renew := func(what string) {
		t.Helper()
		if err := folder.Renew(); err != nil {
			t.Fatal(err)
		}
		apply()
		shown(what)
	}
	renew("a new certificate")
	renew("another")

	if err := folder.AddCA(); err != nil {
		t.Fatal(err)
	}
	apply()
	pass(t, 30*time.Second) // no metric tells which CAs are trusted
	renew("a certificate of the new CA")
	pass(t, 10*time.Second) // connections with the old certificates end
	if err := folder.DropCA(); err != nil {
		t.Fatal(err)
	}
	apply()
	pass(t, 30*time.Second)
	within(t, running.end(t), load.Planned())
	for _, pod := range n.pods(t, "recommendations") {
		if failed := n.metric(t, pod, "rpc_server_handshakes_failed_total"); failed > 0 {
			t.Errorf("%s: %.0f handshakes failed", pod, failed)
		}
	}
	n.runHelm(t, "test", release, "--timeout=90s")

	// New connections trust the new CA, and there are none without TLS.
	n.sql(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL")
	const encrypted = "SELECT count(*) FILTER (WHERE ssl) > 0, count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL"
	until(t, patience, "replicas connect to the database with TLS", func() bool { return n.sql(t, encrypted) == "t|0" })
}

// databaseShows returns the certificate that the database shows, which must have its name and be
// signed by a CA of the folder.
func databaseShows(t *testing.T, folder pki.Folder, address, host string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder.Path, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	conn, err := (&net.Dialer{Timeout: patience.Duration}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// PostgreSQL's SSLRequest, and its answer.
	answer := make([]byte, 1)
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, answer); err != nil || answer[0] != 'S' {
		t.Fatalf("the database has no TLS: %q, %v", answer, err)
	}
	secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS13})
	if err := secure.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return secure.ConnectionState().PeerCertificates[0]
}

// secret returns the manifest of a Secret with a program's certificate.
func secret(t *testing.T, folder pki.Folder, program string) string {
	t.Helper()
	data := map[string][]byte{}
	cert, key, ca := folder.Files(program)
	for name, file := range map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": ca} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[name] = content
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": map[string]string{"name": program}, "data": data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
